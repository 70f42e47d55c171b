import type { OpenAPIObject } from '@nestjs/swagger';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';

const NS = '/v1/namespaces/{ns}';
const ARTIFACTS = `${NS}/artifacts`;
const APPS = `${NS}/apps`;
const APP = `${APPS}/{app}`;
const VERSION = `${APP}/versions/{v}`;
const SERVICE = `${APP}/services/{service}`;
const PROGRAM = `${VERSION}/{type}/{name}`;
const INSTANCE = `${VERSION}/services/{name}/instances/{id}`;

/** What the contract wants of a call besides its path. */
type Wanted = 'If-Match' | 'Idempotency-Key' | 'Prefer' | 'dryRun' | 'limit' | 'cursor' | 'tail' | 'follow';
const PAGE: Wanted[] = ['limit', 'cursor'];

/** CONTRACT §3, its list of resources line by line, and the sentences in front of it about what each kind of call takes. */
const routes: [methods: string, path: string, wanted: Wanted[]][] = [
  ['GET', '/v1/namespaces', PAGE],
  ['PUT DELETE', NS, ['If-Match']],
  ['GET', NS, []],
  ['GET', ARTIFACTS, PAGE],
  ['GET', `${ARTIFACTS}/{artifact}/versions`, PAGE],
  ['PUT DELETE', `${ARTIFACTS}/{artifact}/versions/{semver}`, ['If-Match']],
  ['GET', `${ARTIFACTS}/{artifact}/versions/{semver}`, []],
  ['PUT', `${ARTIFACTS}/{artifact}/versions/{semver}/bundle`, ['If-Match']],
  ['GET', `${ARTIFACTS}/{artifact}/versions/{semver}/bundle`, []],
  ['GET', APPS, PAGE],
  ['PUT DELETE', APP, ['If-Match', 'Prefer']],
  ['GET', APP, []],
  ['POST', `${APP}/versions`, ['If-Match', 'Idempotency-Key', 'Prefer']],
  ['GET', `${APP}/versions`, PAGE],
  ['GET', VERSION, []],
  ['DELETE', VERSION, ['If-Match', 'Prefer']],
  ['PUT DELETE', `${APP}/aliases/{alias}`, ['If-Match', 'Prefer']],
  ['GET', `${APP}/aliases/{alias}`, []],
  ['GET', `${APP}/aliases`, PAGE],
  ['GET', `${VERSION}/programs`, []],
  ['POST', `${PROGRAM}/start`, ['If-Match', 'Idempotency-Key', 'Prefer']],
  ['POST', `${PROGRAM}/stop`, ['If-Match', 'Idempotency-Key', 'Prefer', 'dryRun']],
  ['POST', `${VERSION}/start`, ['If-Match', 'Idempotency-Key', 'Prefer']],
  ['POST', `${VERSION}/stop`, ['If-Match', 'Idempotency-Key', 'Prefer', 'dryRun']],
  ['PUT', `${PROGRAM}/instances`, ['If-Match', 'Prefer']],
  ['GET', `${PROGRAM}/runs`, PAGE],
  ['GET', `${PROGRAM}/runs/{runId}`, []],
  ['GET', `${PROGRAM}/runs/{runId}/logs`, ['tail', 'follow']],
  ['PUT DELETE', INSTANCE, ['If-Match', 'Prefer']],
  ...[APP, SERVICE].flatMap((scope): typeof routes => [
    ['GET', `${scope}/distribution`, []],
    ['PUT DELETE', `${scope}/distribution`, ['If-Match', 'Prefer', 'dryRun']],
    ['GET', `${scope}/distribution/history`, PAGE],
    ['POST', `${scope}/distribution/rollback`, ['If-Match', 'Idempotency-Key', 'Prefer', 'dryRun']],
    ['POST', `${scope}/distribution/zero`, ['If-Match', 'Idempotency-Key', 'Prefer', 'dryRun']],
  ]),
  ['GET', '/v1/proxies', []],
];

let api: TestApi;
/** Parameters of each operation, by method and path; names of path parameters do not matter. */
const operations = new Map<string, Set<string>>();
beforeAll(async () => {
  api = await createTestApi();
  const document: OpenAPIObject = (await api.anonymous.get('/openapi.json').expect(200)).body;
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of ['get', 'put', 'post', 'delete'] as const) {
      const parameters = item[method]?.parameters ?? [];
      if (item[method]) operations.set(key(method, path), new Set(parameters.flatMap((one) => ('name' in one ? [one.name] : []))));
    }
  }
});
afterAll(() => api.close());

const key = (method: string, path: string) => `${method.toUpperCase()} ${path.replace(/\{[^}]+\}/g, '{}')}`;

describe('CONTRACT §3: the resources, as Swagger shows them', () => {
  it.each(routes)('%s %s', (methods, path, wanted) => {
    for (const method of methods.split(' ')) {
      const parameters = operations.get(key(method, path));
      expect(parameters).toBeDefined();
      expect(wanted.filter((name) => !parameters?.has(name))).toEqual([]);
    }
  });

  // Also of routes that the contract's list does not know. A POST that only makes something new has nothing to match.
  it('every PUT and DELETE honours If-Match, every POST Idempotency-Key; every call of a distribution or a stop has a dry run', () => {
    const missing: string[] = [];
    for (const [operation, parameters] of operations) {
      const [method = '', path = ''] = operation.split(' ');
      if (method === 'GET') continue;
      const wants = (name: string) => parameters.has(name) || missing.push(`${operation}: no ${name}`);
      wants(method === 'POST' ? 'Idempotency-Key' : 'If-Match');
      if (/\/(distribution(\/.*)?|stop)$/.test(path)) wants('dryRun');
    }
    expect(missing).toEqual([]);
  });
});
