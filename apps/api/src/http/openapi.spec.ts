import type { OpenAPIObject } from '@nestjs/swagger';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

interface MediaType {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, unknown>;
}
interface Schema {
  $ref?: string;
  type?: string;
  example?: unknown;
  format?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
}
interface Answer {
  description?: string;
  content?: Record<string, MediaType>;
}

let api: TestApi;
let document: OpenAPIObject;
beforeAll(async () => {
  api = await createTestApi();
  const { body } = await api.anonymous.get('/openapi.json').expect(200);
  document = body;
});
afterAll(() => api.close());

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** Every route with what is missing in its description. */
function complaints(): string[] {
  const found: string[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const complain = (what: string) => found.push(`${method.toUpperCase()} ${path}: ${what}`);
      if (!operation.summary) complain('no summary');
      if (!operation.tags?.length) complain('no tag');
      const answers = Object.entries(operation.responses as Record<string, Answer>);
      const good = answers.filter(([status]) => status.startsWith('2'));
      if (good.length === 0) complain('no answer of success');
      for (const [status, answer] of good) {
        if (status !== '204' && !hasExample(answer)) complain(`no example of ${status}`);
      }
      const problems = answers.filter(([, { content }]) => content?.['application/problem+json']);
      for (const status of ['401', '503']) if (!problems.some(([own]) => own === status)) complain(`no ${status}`);
      if (path.includes('{') && !problems.some(([status]) => status === '404')) if (method !== 'put') complain('no 404');
      for (const [status, { content }] of problems) {
        if (!content?.['application/problem+json']?.examples) complain(`no example of ${status}`);
      }
      if (operation.requestBody && !problems.some(([status]) => status === '400')) complain('takes a body but has no 400');
      const headers = (operation.parameters ?? []).flatMap((parameter) => ('name' in parameter ? [parameter.name] : []));
      if (method === 'post' && !headers.includes('Idempotency-Key')) complain('no Idempotency-Key');
      if (headers.includes('If-Match') && !problems.some(([status]) => status === '412')) complain('If-Match without 412');
    }
  }
  return found;
}

function hasExample({ content = {} }: Answer): boolean {
  const types = Object.values(content);
  return (
    types.length > 0 &&
    types.every((type) => type.example !== undefined || type.examples !== undefined || (type.schema && isExemplary(type.schema, 0)))
  );
}

/** All its fields have examples, or are made of what has. */
function isExemplary(schema: Schema, depth: number): boolean {
  if (depth > 10) return true;
  if (schema.example !== undefined || schema.format === 'binary') return true;
  if (schema.$ref) return isExemplary(resolve(schema.$ref), depth + 1);
  if (schema.allOf) return schema.allOf.every((part) => isExemplary(part, depth + 1));
  if (schema.items) return isExemplary(schema.items, depth + 1);
  const fields = Object.values(schema.properties ?? {});
  return fields.length > 0 && fields.every((field) => isExemplary(field, depth + 1));
}

function resolve(ref: string): Schema {
  return (document.components?.schemas?.[ref.split('/').at(-1)!] ?? {}) as Schema;
}

describe('the OpenAPI document', () => {
  it('tells of every route: a summary, an example of the answer, and its errors', () => {
    expect(Object.keys(document.paths)).toContain('/v1/namespaces/{ns}');
    expect(complaints()).toEqual([]);
  });

  it('has an own id for every operation', () => {
    const ids = Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => item[method]?.operationId ?? []));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('asks for the bearer token', () => {
    expect(document.security).toEqual([{ bearer: [] }]);
    expect(document.components?.securitySchemes?.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it('every reference in it leads somewhere', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref!);
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of refs) expect(Object.keys(resolve(ref))).not.toEqual([]);
  });
});
