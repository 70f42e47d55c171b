import { Body, Controller, HttpCode, Module, Post, Res } from '@nestjs/common';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { Response } from 'express';
import { Client } from 'pg';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { DomainError } from './domain-error.js';
import { parseIdempotencyKey } from './idempotency.js';

class WorkDto {
  @IsOptional() @IsString() name?: string;
  @IsOptional() @IsIn(['conflict', 'unavailable', 'crash', 'wait', 'nothing']) does?: string;
}

let calls = 0;
let inside: () => void = () => undefined;
let goOn: Promise<void> = Promise.resolve();

@Controller('v1/work')
class WorkController {
  @Post()
  async work(@Body() body: WorkDto, @Res({ passthrough: true }) response: Response): Promise<unknown> {
    calls++;
    if (body.does === 'conflict') throw new DomainError('conflict', 'not_now', 'Not now.');
    if (body.does === 'unavailable') throw new DomainError('unavailable', 'dependency_unavailable', 'Down.');
    if (body.does === 'crash') throw new Error('a bug');
    if (body.does === 'nothing') return undefined;
    if (body.does === 'wait') {
      inside();
      await goOn;
    }
    response.setHeader('ETag', '"7"').setHeader('Location', '/v1/work/7').status(202);
    return { call: calls, name: body.name ?? null };
  }

  @Post('other')
  @HttpCode(200)
  other(): unknown {
    calls++;
    return { call: calls };
  }
}

@Module({ controllers: [WorkController] })
class WorkModule {}

let api: TestApi;
let database: Client;
beforeAll(async () => {
  api = await createTestApi({ modules: [WorkModule] });
  database = new Client({ connectionString: api.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await api.close();
});
beforeEach(() => {
  calls = 0;
});

const post = (key: string, body: object, path = '/v1/work') => api.http.post(path).set('Idempotency-Key', key).send(body);

/** Starts a request and resolves once the server is in the middle of it; `finish` lets it end. */
async function inTheMiddle(key: string, body: object) {
  const arrived = new Promise<void>((resolve) => {
    inside = resolve;
  });
  let finish: () => void = () => undefined;
  goOn = new Promise((resolve) => {
    finish = resolve;
  });
  const answer = post(key, body).then((response) => response);
  await arrived;
  return { answer, finish };
}

describe('Idempotency-Key (CONTRACT §3: the same key and body give the first answer again; another body 422)', () => {
  it('gives the first answer again: status, body and headers, without doing it again', async () => {
    const first = await post('a', { name: 'x' }).expect(202);
    const second = await post('a', { name: 'x' }).expect(202);
    expect(second.body).toEqual(first.body);
    expect(second.headers).toMatchObject({ etag: '"7"', location: '/v1/work/7', 'idempotency-replayed': 'true' });
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(calls).toBe(1);
  });

  it('does so for an empty answer', async () => {
    await post('empty', { does: 'nothing' }).expect(201);
    const second = await post('empty', { does: 'nothing' }).expect(201);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(calls).toBe(1);
  });

  const others: Record<string, { body: object; path: string }> = {
    body: { body: { name: 'y' }, path: '/v1/work' },
    path: { body: { name: 'x' }, path: '/v1/work/other' },
    query: { body: { name: 'x' }, path: '/v1/work?dryRun=true' },
  };
  for (const [label, { body, path }] of Object.entries(others)) {
    it(`another ${label} with the same key is 422 idempotency_key_reused, and is not done`, async () => {
      await post(`other-${label}`, { name: 'x' }).expect(202);
      const { body: problem } = await post(`other-${label}`, body, path).expect(422);
      expect(problem.code).toBe('idempotency_key_reused');
      expect(calls).toBe(1);
    });
  }

  it('while the first still runs, the second is 409 idempotency_in_progress', async () => {
    const { answer, finish } = await inTheMiddle('slow', { does: 'wait' });
    const second = await post('slow', { does: 'wait' }).expect(409);
    expect(second.body.code).toBe('idempotency_in_progress');
    expect(second.headers['retry-after']).toBe('1');
    finish();
    expect((await answer).status).toBe(202);
    await post('slow', { does: 'wait' }).expect(202);
    expect(calls).toBe(1);
  });

  it('of many at once, one is done', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('many', { name: 'x' })));
    expect(calls).toBe(1);
    expect(new Set(answers.map(({ status }) => status)).size).toBeLessThanOrEqual(2);
    for (const { status, body } of answers) {
      if (status === 202) expect(body).toEqual({ call: 1, name: 'x' });
      else expect(body.code).toBe('idempotency_in_progress');
    }
  });

  for (const [does, status] of [
    ['conflict', 409],
    ['unavailable', 503],
    ['crash', 500],
  ] as const) {
    it(`a ${status} is not kept: the key may be used again, also for another request`, async () => {
      await post(`fails-${does}`, { does }).expect(status);
      await post(`fails-${does}`, { does }).expect(status);
      expect(calls).toBe(2);
      await post(`fails-${does}`, { name: 'mended' }).expect(202);
    });
  }

  it('a failed validation is not kept', async () => {
    await post('invalid', { name: 1 }).expect(400);
    await post('invalid', { name: 'x' }).expect(202);
  });

  it('the key of a request whose server died is free again when its lease is over', async () => {
    const { answer, finish } = await inTheMiddle('died', { does: 'wait' });
    await database.query("UPDATE idempotency_keys SET lease_until = now() - interval '1 second' WHERE key = 'died'");
    goOn = Promise.resolve();
    const second = await post('died', { does: 'wait' }).expect(202);
    expect(second.body.call).toBe(2);
    finish();
    await answer;
    // What the first one leaves behind does not replace the answer of the one that took over.
    expect((await post('died', { does: 'wait' }).expect(202)).body.call).toBe(2);
    expect(calls).toBe(2);
  });

  it('is forgotten after 24 hours', async () => {
    await post('old', { name: 'x' }).expect(202);
    await database.query("UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE key = 'old'");
    await post('old', { name: 'y' }).expect(202);
    expect(calls).toBe(2);
  });

  it('of 255 characters is taken; longer ones, and ones that cannot be printed, are 400', async () => {
    await post('k'.repeat(255), {}).expect(202);
    const { body } = await post('k'.repeat(256), {}).expect(400);
    expect(body.code).toBe('invalid_idempotency_key');
    for (const key of ['', '   ', 'caf\u00e9', 'a\tb']) expect(() => parseIdempotencyKey(key)).toThrow(DomainError);
  });

  it('means nothing to other methods', async () => {
    await api.http.put('/v1/namespaces/n1').set('Idempotency-Key', 'put').send({}).expect(201);
    await api.http.put('/v1/namespaces/n2').set('Idempotency-Key', 'put').send({}).expect(201);
  });
});
