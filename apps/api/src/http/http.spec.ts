import { Body, Controller, Module, Post, Put, Query } from '@nestjs/common';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';
import request from 'supertest';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';
import { IsLabels } from './validators.js';

class PartDto {
  @IsString() name!: string;
}

class ProbeDto {
  @IsOptional() @IsInt() count?: number;
  @IsOptional() @IsLabels() labels?: Record<string, string>;
  @IsOptional() @IsArray() @ArrayMaxSize(1000) @ValidateNested({ each: true }) @Type(() => PartDto) parts?: PartDto[];
}

@Controller('v1/probe')
class ProbeController {
  @Post()
  echo(@Body() body: ProbeDto, @Query('fail') fail?: string): unknown {
    if (fail) throw new Error('secret detail of the inside');
    return { ...body };
  }

  @Put()
  replace(): void {}
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi({ modules: [ProbeModule] });
});
afterAll(() => api.close());

const send = (body: unknown) =>
  api.http
    .post('/v1/probe')
    .set('Content-Type', 'application/json')
    .send(typeof body === 'string' ? body : JSON.stringify(body));

describe('a token (CONTRACT §3: 401 on everything but the public paths)', () => {
  const refused: [string, string | undefined][] = [
    ['none', undefined],
    ['another token', 'Bearer not-the-token-of-anybody'],
    ['a part of the token', `Bearer ${TEST_TOKEN.slice(0, -1)}`],
    ['more than the token', `Bearer ${TEST_TOKEN}x`],
    ['another scheme', `Basic ${TEST_TOKEN}`],
    ['two tokens', `Bearer ${TEST_TOKEN} ${TEST_TOKEN}`],
    ['an empty token', 'Bearer '],
  ];
  for (const [label, header] of refused) {
    it(`refuses ${label}`, async () => {
      const call = api.anonymous.get('/v1/namespaces');
      const answer = await (header === undefined ? call : call.set('Authorization', header)).expect(401);
      expect(answer.headers['www-authenticate']).toContain('Bearer');
      expect(answer.body).toMatchObject({ status: 401, code: 'unauthenticated' });
    });
  }

  it('is not case-sensitive in the scheme', () =>
    api.anonymous.get('/v1/namespaces').set('Authorization', `bearer ${TEST_TOKEN}`).expect(200));

  for (const path of ['/healthz', '/readyz', '/metrics', '/docs', '/openapi.json']) {
    it(`is not needed for ${path}`, () => api.anonymous.get(path).expect(200));
  }
});

describe('what has no route', () => {
  it('an unknown path is 404 route_not_found', async () => {
    const { body, headers } = await api.http.get('/v1/nothing').expect(404);
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({
      type: 'urn:app-fabric:problem:route_not_found',
      title: 'Not Found',
      status: 404,
      code: 'route_not_found',
    });
    expect(body.requestId).toBe(headers['x-request-id']);
  });

  it('another method is 405 with Allow', async () => {
    const { body, headers } = await api.http.patch('/v1/namespaces/default').expect(405);
    expect(headers.allow).toBe('DELETE, GET, HEAD, PUT');
    expect(body).toMatchObject({ code: 'method_not_allowed' });
  });

  it('a path that is not percent-encoded UTF-8 is 400 malformed_url', async () => {
    for (const path of ['/v1/namespaces/%', '/v1/namespaces/%zz', '/v1/namespaces/%ff']) {
      const { body } = await api.http.get(path).expect(400);
      expect(body.code).toBe('malformed_url');
    }
  });
});

describe('names in paths (CONTRACT §3)', () => {
  const bad: Record<string, string> = {
    'an encoded slash': 'a%2Fb',
    'only an encoded slash': '%2F',
    'encoded dots': '%2E%2E',
    'a NUL': 'a%00b',
    'a space': 'a%20b',
    'a dot in front': '.a',
    'a dash in front': '-a',
    emoji: '%F0%9F%9A%80',
    'a letter with an accent': 'caf%C3%A9',
    '129 characters': 'a'.repeat(129),
    '200 characters': 'a'.repeat(200),
    'a line break': 'a%0A',
  };
  for (const [label, segment] of Object.entries(bad)) {
    it(`refuses ${label} with 400 invalid_name, and makes nothing`, async () => {
      const { body } = await api.http.put(`/v1/namespaces/${segment}`).send({}).expect(400);
      expect(body).toMatchObject({ code: 'invalid_name', errors: [{ path: 'ns' }] });
      const { body: list } = await api.http.get('/v1/namespaces').expect(200);
      expect(list.items.map(({ name }: { name: string }) => name)).toEqual(['default']);
    });
  }
});

describe('CONTRACT §3: bodies: 400 malformed, 413 too large', () => {
  it('the route may be called without one', async () => {
    const { body } = await api.http.post('/v1/probe').expect(201);
    expect(body).toEqual({});
  });

  const malformed: Record<string, string> = {
    'no JSON': '{"count":',
    'not an object': '"text"',
    'a number': '1',
    'a list': '[]',
    NaN: '{"count":NaN}',
    __proto__: '{"__proto__":{"count":1}}',
    '__proto__ further inside': '{"labels":{"a":{"__proto__":1}}}',
    constructor: '{"constructor":{"prototype":{"x":1}}}',
    'a number that is too large': '{"labels":{"a":1e400}}',
    'a NUL character': '{"labels":{"a":"\\u0000"}}',
    'half a surrogate pair': '{"labels":{"a":"\\ud800"}}',
    'depth 100': `{"labels":${'['.repeat(100)}${']'.repeat(100)}}`,
    'depth 400,000': `{"labels":${'['.repeat(400_000)}${']'.repeat(400_000)}}`,
  };
  for (const [label, text] of Object.entries(malformed)) {
    it(`${label}: 400 malformed_json`, async () => {
      const { body } = await send(text).expect(400);
      expect(body).toMatchObject({ code: 'malformed_json', errors: [] });
    });
  }

  it('does not pollute prototypes', () => {
    expect(({} as Record<string, unknown>).count).toBeUndefined();
  });

  it('of another type: 415 unsupported_media_type', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'application/jsonx']) {
      const { body } = await api.http.post('/v1/probe').set('Content-Type', type).send('count=1').expect(415);
      expect(body.code).toBe('unsupported_media_type');
    }
  });

  it('in another charset or encoding: 415', async () => {
    await api.http.post('/v1/probe').set('Content-Type', 'application/json; charset=latin1').send('{}').expect(415);
    await api.http.post('/v1/probe').set('Content-Type', 'application/json').set('Content-Encoding', 'x-own').send('{}').expect(415);
  });

  it('over 1 MiB: 413 body_too_large', async () => {
    const { body } = await send(`{"labels":{"a":"${'x'.repeat(1_048_576)}"}}`).expect(413);
    expect(body.code).toBe('body_too_large');
  });

  it('of 50 MB: 413, which also a caller sees that reads only after sending', async () => {
    const answer = await fetch(`${api.url}/v1/probe`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json' },
      body: Buffer.alloc(50_000_000, 0x20),
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'body_too_large' });
  });
});

describe('CONTRACT §3: errors: [{path, message}] on a 400; unknown body fields are a 400', () => {
  const cases: Record<string, { body: unknown; path: string }> = {
    'an unknown field': { body: { unknown: 1 }, path: 'unknown' },
    'a number as text': { body: { count: '90' }, path: 'count' },
    'a fraction': { body: { count: 1.5 }, path: 'count' },
    'an unknown field further inside': { body: { parts: [{ name: 'a' }, { name: 'b', extra: 1 }] }, path: 'parts.1.extra' },
    'a wrong field further inside': { body: { parts: [{ name: 5 }] }, path: 'parts.0.name' },
    'labels that are a list': { body: { labels: [] }, path: 'labels' },
    'labels with a number': { body: { labels: { a: 1 } }, path: 'labels' },
    'labels with an empty key': { body: { labels: { '': 'a' } }, path: 'labels' },
    'too many labels': { body: { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])) }, path: 'labels' },
  };
  for (const [label, { body, path }] of Object.entries(cases)) {
    it(`${label}: 400 with the path ${path}`, async () => {
      const answer = await send(body).expect(400);
      expect(answer.body.code).toBe('validation_failed');
      expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
    });
  }

  it('names at most 50 errors', async () => {
    const { body } = await send({ parts: Array.from({ length: 1000 }, () => ({ name: 1 })) }).expect(400);
    expect(body.errors).toHaveLength(50);
  });
});

describe('answers', () => {
  it('§3 no stack traces: an unexpected error is a bare 500', async () => {
    const { body, text } = await api.http.post('/v1/probe?fail=1').expect(500);
    expect(body).toMatchObject({ status: 500, code: 'internal_error', requestId: expect.any(String) });
    expect(text).not.toMatch(/secret|at .*\.ts/);
  });

  it('carry a request id, the caller’s if it is harmless', async () => {
    const own = await api.http.get('/v1/namespaces').set('X-Request-Id', 'trace-1');
    expect(own.headers['x-request-id']).toBe('trace-1');
    const foreign = await api.http.get('/v1/namespaces').set('X-Request-Id', 'a b"c');
    expect(foreign.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('carry security headers and do not name the server’s software', async () => {
    const { headers } = await api.http.get('/v1/namespaces').expect(200);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it('of HEAD are those of GET without the body', async () => {
    const { headers, text } = await request(api.url)
      .head('/v1/namespaces/default')
      .set('Authorization', `Bearer ${TEST_TOKEN}`)
      .expect(200);
    expect(headers.etag).toBe((await api.http.get('/v1/namespaces/default')).headers.etag);
    expect(text).toBeFalsy();
  });
});
