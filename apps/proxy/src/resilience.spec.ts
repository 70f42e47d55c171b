import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { FakeBus } from './table/testing/fake-bus.js';
import { call, cleanUp, cleanups, type Handler, instance, PATH, shop, start } from './testing/proxy-bench.js';

afterEach(cleanUp);

const CART = `${PATH}/services/cart/methods/x`;

/** An instance that can be told to fail. */
async function moody(name: string) {
  const mood = { fails: false };
  const made = await instance(name, (req, res) => {
    if (mood.fails) req.socket.destroy();
    else res.end(JSON.stringify({ name }));
  });
  return { ...made, mood };
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(['native', 'http-proxy'] as const)('issue 3: outliers, engine %s', (engine) => {
  const LABELS = '{namespace="default",app="shop",service="cart",version="1"}';

  it('an instance that fails again and again is left alone, and asked again when its trial succeeds; requests do not notice', async () => {
    const bus = new FakeBus();
    const [bad, good, other] = [await moody('bad'), await moody('good'), await moody('other')];
    bus.store('e1', 1, [shop(1, { 1: [bad, good, other] }, { 1: 10_000 })]);
    const proxy = await start(bus, { engine, outliers: { consecutiveFailures: 3, baseEjectionMs: 300 } });
    const metrics = async () => (await call(`${proxy.adminUrl}/metrics`)).text;
    const ask = async () => expect((await call(`${proxy.proxyUrl}${CART}`)).status).toBe(200);
    bad.mood.fails = true;
    await eventually(async () => {
      await ask();
      return bad.requests.length >= 3;
    });
    await eventually(async () => (await metrics()).includes(`fabric_proxy_ejections_total${LABELS} 1`));
    expect(await metrics()).toContain(`fabric_proxy_ejected_instances${LABELS} 1`);
    // A change of the table does not bring it back.
    bus.publish(2, shop(2, { 1: [bad, good, other], 2: [] }, { 1: 10_000 }));
    await eventually(async () => {
      await ask();
      return (await metrics()).includes(`fabric_proxy_ejections_total${LABELS} 2`);
    });
    // The trials failed, one each, and the requests went on elsewhere.
    bad.mood.fails = false;
    const before = bad.requests.length;
    await eventually(async () => {
      await ask();
      return bad.requests.length > before + 3;
    });
    expect(await metrics()).not.toContain('fabric_proxy_ejected_instances{');
  });

  it('the only instance is never ejected: it is asked as soon as it works again', async () => {
    const bus = new FakeBus();
    const one = await moody('one');
    bus.store('e1', 1, [shop(1, { 1: [one] }, { 1: 10_000 })]);
    const proxy = await start(bus, { engine, outliers: { consecutiveFailures: 1, baseEjectionMs: 60_000 } });
    one.mood.fails = true;
    for (let i = 0; i < 5; i += 1) expect((await call(`${proxy.proxyUrl}${CART}`)).json()).toMatchObject({ code: 'upstream_reset' });
    one.mood.fails = false;
    expect((await call(`${proxy.proxyUrl}${CART}`)).status).toBe(200);
  });

  it('however many fail, no more than half of them are ejected', async () => {
    const bus = new FakeBus();
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((name) => moody(name)));
    bus.store('e1', 1, [shop(1, { 1: all }, { 1: 10_000 })]);
    const proxy = await start(bus, { engine, outliers: { consecutiveFailures: 1, baseEjectionMs: 60_000 } });
    for (const { mood } of all) mood.fails = true;
    const metrics = async () => (await call(`${proxy.adminUrl}/metrics`)).text;
    await eventually(async () => {
      expect((await call(`${proxy.proxyUrl}${CART}`)).json()).toMatchObject({ code: 'upstream_reset' });
      return (await metrics()).includes(`fabric_proxy_ejected_instances${LABELS} 2`);
    });
    for (let i = 0; i < 20; i += 1) await call(`${proxy.proxyUrl}${CART}`);
    expect(await metrics()).toContain(`fabric_proxy_ejected_instances${LABELS} 2`);
  });

  const answers: [string, number, boolean][] = [
    ['500', 500, false],
    ['501', 501, false],
    ['502', 502, true],
    ['503', 503, true],
    ['504', 504, true],
    ['404', 404, false],
  ];
  for (const [title, status, ejects] of answers) {
    it(`an instance that answers ${title} ${ejects ? 'is ejected as a broken gateway is' : 'works, as far as the proxy can tell'}`, async () => {
      const bus = new FakeBus();
      const answer: Handler = (_req, res) => res.writeHead(status).end();
      const [bad, good] = [await instance('bad', answer), await instance('good')];
      bus.store('e1', 1, [shop(1, { 1: [bad, good] }, { 1: 10_000 })]);
      const proxy = await start(bus, { engine, outliers: { consecutiveFailures: 2, baseEjectionMs: 60_000 } });
      await eventually(async () => {
        await call(`${proxy.proxyUrl}${CART}`);
        return bad.requests.length >= 2 && good.requests.length >= 10;
      });
      expect((await call(`${proxy.adminUrl}/metrics`)).text.includes(`fabric_proxy_ejections_total${LABELS} 1`)).toBe(ejects);
    });
  }

  it('a pin to a version is served whatever was ejected of it; the distribution does not move', async () => {
    const bus = new FakeBus();
    const [bad, good, two] = [await moody('bad'), await moody('good'), await moody('two')];
    bus.store('e1', 1, [shop(1, { 1: [bad, good], 2: [two] }, { 1: 10_000, 2: 0 })]);
    const proxy = await start(bus, { engine, outliers: { consecutiveFailures: 1, baseEjectionMs: 60_000 } });
    bad.mood.fails = true;
    good.mood.fails = true;
    for (let i = 0; i < 10; i += 1) expect((await call(`${proxy.proxyUrl}${CART}`)).headers['x-app-version']).toBe('1');
    expect(two.requests).toEqual([]);
    good.mood.fails = false;
    bad.mood.fails = false;
    const answer = await call(`${proxy.proxyUrl}${CART}`, { 'X-App-Version': '1' });
    expect(answer.status).toBe(200);
  });
});

describe.each(['native', 'http-proxy'] as const)('issue 3: retries, engine %s', (engine) => {
  it('another instance of the same version is tried, and when all fail, at most a fifth of the requests are tried again', async () => {
    const bus = new FakeBus();
    const [one, two, other] = [await moody('one'), await moody('two'), await moody('other')];
    bus.store('e1', 1, [shop(1, { 1: [one, two], 2: [other] }, { 1: 10_000, 2: 0 })]);
    const proxy = await start(bus, { engine, outliers: { consecutiveFailures: 0 } });
    one.mood.fails = true;
    for (let i = 0; i < 20; i += 1) expect((await call(`${proxy.proxyUrl}${CART}`)).json()).toMatchObject({ name: 'two' });
    two.mood.fails = true;
    const before = one.requests.length + two.requests.length;
    const count = 400;
    for (let i = 0; i < count; i += 1) {
      expect((await call(`${proxy.proxyUrl}${CART}`)).json()).toMatchObject({ code: 'upstream_reset', status: 502 });
    }
    const again = one.requests.length + two.requests.length - before - count;
    // A proxy that has just started has 50 to spend.
    expect(again).toBeGreaterThan(0);
    expect(again).toBeLessThanOrEqual(50 + (count + 20) * 0.2);
    expect(other.requests).toEqual([]);
  });
});

describe.each(['native', 'http-proxy'] as const)('issue 3: drain, engine %s', (engine) => {
  it('a WebSocket of an instance that leaves the table lives on, and is reported as in flight until it is closed', async () => {
    const bus = new FakeBus();
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    cleanups.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${String(data)}`)));
    const old = { id: 'old', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const next = await instance('next');
    bus.store('e1', 1, [shop(1, { 1: [old] }, { 1: 10_000 })]);
    const proxy = await start(bus, { engine });
    const socket = new WebSocket(`${proxy.proxyUrl.replace('http', 'ws')}${CART}`);
    cleanups.push(() => socket.terminate());
    await once(socket, 'open');
    bus.publish(2, shop(2, { 1: [next] }, { 1: 10_000 }));
    expect((await call(`${proxy.proxyUrl}${CART}`)).json()).toMatchObject({ name: 'next' });
    for (let i = 0; i < 3; i += 1) {
      socket.send(`${i}`);
      expect(String((await once(socket, 'message'))[0])).toBe(`echo ${i}`);
    }
    // The first report of revision 2 may still show the request to `next`, which was on its way when it was made.
    await eventually(() => bus.reports.at(-1)?.applied?.revision === 2 && !('next' in (bus.reports.at(-1)?.inFlight ?? {})));
    expect(bus.reports.at(-1)?.inFlight).toEqual({ old: 1 });
    // The control plane lets it go when this is empty, or drainSeconds are over.
    socket.close();
    await once(socket, 'close');
    await eventually(() => Object.keys(bus.reports.at(-1)?.inFlight ?? { old: 1 }).length === 0);
  });
});
