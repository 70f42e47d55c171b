import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';

const NS = '/v1/namespaces/shop';
const VERSION = `${NS}/apps/shop/versions/1`;
const SECRET = 'correct horse battery staple';
const TELLER = `console.log(JSON.stringify({ a: process.env.A, b: process.env.B, port: process.env.PORT, app: process.env.FABRIC_APP, code: [...(process.env.KEY ?? '')].map((c) => c.codePointAt(0)) }));
console.error('the key is ' + process.env.KEY);`;

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi({ config: { processRuntime: true } });
  await putNamespace({ A: 'of the namespace', B: 'of the namespace', KEY: { secret: true, value: SECRET } });
  const artifact = `${NS}/artifacts/shop/versions/1.0.0`;
  const programs = [
    { name: 'teller', type: 'flow', command: ['node', 'teller.mjs'], env: { B: 'of the artifact' } },
    { name: 'cart', type: 'service' },
    { name: 'idle', type: 'service', command: ['node', '-e', 'setInterval(() => {}, 1000)'] },
  ];
  await api.http.put(artifact).send({ programs }).expect(201);
  await api.http
    .put(`${artifact}/bundle`)
    .set('Content-Type', 'application/gzip')
    .send(await bundleOf({ 'teller.mjs': TELLER }))
    .expect(201);
  await api.http
    .post(`${NS}/apps/shop/versions`)
    .send({ artifact: { name: 'shop', version: '1.0.0' } })
    .expect(201);
}, 60_000);
afterAll(() => api.close(), 60_000);

const putNamespace = (variables: object) => api.http.put(NS).send({ variables, resources: { defaultInstances: 2 } });

/** What the flow found, and its raw log. */
async function tell() {
  const { runId } = (await api.http.post(`${VERSION}/flows/teller/start`).expect(202)).body;
  return eventually(async () => {
    const { body, text } = await api.http.get(`${VERSION}/flows/teller/runs/${runId}/logs`).expect(200);
    const [out] = body.items.filter(({ stream }: { stream: string }) => stream === 'stdout');
    expect(text).toContain('the key is');
    return { found: JSON.parse(out.line), text, runId };
  });
}

describe('variables of a namespace', () => {
  it('reach its programs beneath the artifact’s own and FABRIC_*; secrets are covered in logs; a change holds from the next start', async () => {
    const { found, text, runId } = await tell();
    expect(found).toMatchObject({ a: 'of the namespace', b: 'of the artifact', app: 'shop', port: expect.stringMatching(/^\d+$/) });
    expect(String.fromCodePoint(...found.code)).toBe(SECRET);
    expect(text).not.toContain('horse');
    expect(text).toContain(`the key is ${'*'.repeat(SECRET.length)}`);

    await eventually(async () => {
      const { body } = await api.http.get(`${VERSION}/flows/teller/runs/${runId}`).expect(200);
      expect(body).toMatchObject({ status: 'COMPLETED', desiredInstances: 1 });
    });
    await putNamespace({ A: 'changed', KEY: { secret: true, value: 'another of them' } }).expect(200);
    const after = await tell();
    expect(after.found).toMatchObject({ a: 'changed', b: 'of the artifact' });
    expect(after.text).not.toContain('another of them');
    expect((await api.http.get(`${VERSION}/logs`).expect(200)).text).not.toMatch(/horse|another of them/);
  }, 60_000);

  it('a service has as many instances as the namespace says, unless its start says it', async () => {
    const start = async (body: object) => (await api.http.post(`${VERSION}/services/idle/start`).send(body).expect(202)).body;
    expect(await start({})).toMatchObject({ desiredInstances: 2 });
    await api.http.post(`${VERSION}/services/idle/stop`).set('Prefer', 'wait=20').send({ drainSeconds: 0 }).expect(202);
    await eventually(async () => expect(await start({ instances: 1 })).toMatchObject({ desiredInstances: 1 }));
  }, 60_000);
});
