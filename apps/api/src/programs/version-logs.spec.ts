import type { PrintedLine } from '@app-fabric/tracing';
import { bundleOf } from '../testing/bundle-of.js';
import { createTestApi, TEST_TOKEN, type TestApi } from '../testing/create-test-api.js';
import { eventually } from '../testing/eventually.js';
import { withDatabase } from '../testing/test-apps.js';

const NS = '/v1/namespaces/default';
const VERSION = `${NS}/apps/shop/versions/1`;
const PRINTER = `
import { createServer } from 'node:http';
console.log('hello of ' + process.env.FABRIC_PROGRAM);
createServer((request, response) => { console.error(request.url); response.end(); }).listen(Number(process.env.PORT), '127.0.0.1');
`;

interface Line {
  at: string;
  stream: string;
  line: string;
  runId: string;
  program: { name: string; type: string };
}

let api: TestApi;
let printed: PrintedLine[];

beforeEach(async () => {
  printed = [];
  const logExport = { write: () => undefined, printed: (line: PrintedLine) => void printed.push(line), close: async () => undefined };
  api = await createTestApi({ config: { processRuntime: true }, logExport });
  const artifact = `${NS}/artifacts/shop/versions/1.0.0`;
  const command = ['node', 'printer.mjs'];
  const programs = [
    { name: 'cart', type: 'service', command },
    { name: 'mailer', type: 'worker', command },
  ];
  await api.http.put(artifact).send({ programs }).expect(201);
  await api.http
    .put(`${artifact}/bundle`)
    .set('Content-Type', 'application/gzip')
    .send(await bundleOf({ 'printer.mjs': PRINTER }))
    .expect(201);
  await api.http
    .post(`${NS}/apps/shop/versions`)
    .send({ artifact: { name: 'shop', version: '1.0.0' } })
    .expect(201);
}, 60_000);

afterEach(() => api.close(), 60_000);

const start = async (program: string) => (await api.http.post(`${VERSION}/${program}/start`).set('Prefer', 'wait=20').expect(202)).body;
const logs = async (query = ''): Promise<{ items: Line[]; elsewhere: string[] }> =>
  (await api.http.get(`${VERSION}/logs${query}`).expect(200)).body;
const said = (items: Line[]) => items.filter(({ stream }) => stream !== 'system').map(({ line }) => line);

describe('logs of a version', () => {
  it('V14 has the lines of all its programs and runs, each with run and program, in the order of time', async () => {
    const cart = await start('services/cart');
    const mailer = await start('workers/mailer');
    await eventually(async () => expect(said((await logs()).items)).toEqual(expect.arrayContaining(['hello of cart', 'hello of mailer'])));
    await api.http.post(`${VERSION}/workers/mailer/stop`).set('Prefer', 'wait=20').send({ drainSeconds: 0 }).expect(202);
    const again = await start('workers/mailer');
    await eventually(async () => {
      const { items, elsewhere } = await logs();
      expect(said(items)).toEqual(['hello of cart', 'hello of mailer', 'hello of mailer']);
      const [first, second, third] = items.filter(({ line }) => line.startsWith('hello'));
      expect(first).toMatchObject({ runId: cart.runId, program: { name: 'cart', type: 'service' }, stream: 'stdout' });
      expect(second).toMatchObject({ runId: mailer.runId, program: { name: 'mailer', type: 'worker' } });
      expect(third).toMatchObject({ runId: again.runId });
      expect(items.map(({ at }) => at)).toEqual(items.map(({ at }) => at).sort());
      expect(elsewhere).toEqual([]);
    });
    // The same goes to a receiver of OTLP, where there is one.
    const hello = printed.find(({ text }) => text === 'hello of cart')!;
    expect(Math.abs(hello.atMs - Date.now())).toBeLessThan(60_000);
    expect(hello.attributes).toEqual({
      'fabric.namespace': 'default',
      'fabric.app': 'shop',
      'fabric.version': 1,
      'fabric.artifact.version': '1.0.0',
      'fabric.program.name': 'cart',
      'fabric.program.type': 'service',
      'fabric.run.id': cart.runId,
      'fabric.instance.id': expect.any(String),
      'log.iostream': 'stdout',
    });
    const { items } = await logs('?tail=1');
    expect(items).toHaveLength(1);
    expect((await logs('?tail=0')).items).toEqual([]);
    const third = (await logs()).items.find(({ runId }) => runId === again.runId)!;
    expect((await logs(`?since=${third.at}`)).items.map(({ runId }) => runId)).not.toContain(mailer.runId);
    expect((await logs('?since=1h')).items.length).toBeGreaterThanOrEqual(3);
    const run = (await api.http.get(`${VERSION}/services/cart/runs/${cart.runId}/logs?since=${new Date(Date.now() + 1000).toISOString()}`))
      .body;
    expect(run.items).toEqual([]);
  }, 60_000);

  it('a follower hears of programs that start later', async () => {
    await start('services/cart');
    await eventually(async () => expect(said((await logs()).items)).toEqual(['hello of cart']));
    const left = new AbortController();
    const answer = await fetch(`${api.url}${VERSION}/logs?follow=true&tail=0`, {
      headers: { authorization: `Bearer ${TEST_TOKEN}` },
      signal: left.signal,
    });
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
    await start('workers/mailer');
    let text = '';
    try {
      for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (/hello of mailer.*\n/.test(text)) break;
      }
    } finally {
      left.abort();
    }
    const lines = text
      .slice(0, text.lastIndexOf('\n'))
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines).toContainEqual(expect.objectContaining({ line: 'hello of mailer', program: { name: 'mailer', type: 'worker' } }));
    expect(said(lines)).not.toContain('hello of cart');
  }, 60_000);

  it('of what there is not: 404, also to a follower; a bad query is named', async () => {
    const gone = `${NS}/apps/shop/versions/9/logs`;
    expect((await api.http.get(gone)).body).toMatchObject({ status: 404, code: 'version_not_found' });
    expect((await api.http.get(`${gone}?follow=true`)).body).toMatchObject({ status: 404, code: 'version_not_found' });
    const { body } = await api.http.get(`${VERSION}/logs?since=yesterday`);
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ path: 'since' }] });
    expect((await logs()).items).toEqual([]);
  });

  it('names the runs of other hosts; instances registered from elsewhere have no lines and no host', async () => {
    await api.http.put(`${VERSION}/services/cart/instances/one`).send({ url: 'http://127.0.0.1:9' }).expect(201);
    expect(await logs()).toMatchObject({ items: [], elsewhere: [] });
    const { runId } = await start('workers/mailer');
    await api.http.post(`${VERSION}/workers/mailer/stop`).set('Prefer', 'wait=20').send({ drainSeconds: 0 }).expect(202);
    await withDatabase(api.databaseUrl, (client) => client.query(`UPDATE runs SET host_id = 'other' WHERE run_id = $1`, [runId]));
    expect(await logs()).toMatchObject({ items: [], elsewhere: [runId] });
  }, 60_000);
});
