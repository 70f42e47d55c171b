import { request as httpRequest, type IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import type { AppRoutes } from '@app-fabric/routing';
import type { ProxyOptions } from './start-proxy.js';
import { FakeBus } from './table/testing/fake-bus.js';
import { type Answer, call, cleanUp, instance, running, shop, start } from './testing/proxy-bench.js';

afterEach(cleanUp);

const CART = '/services/cart/methods/x';

/** The version that answers. */
async function versionOf(url: string, headers: Record<string, string> = {}): Promise<string | undefined> {
  return (await call(url, headers)).headers['x-app-version'] as string | undefined;
}

const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

/** GET from an address that would need brackets in a URL. */
function askOver(host: string, port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, path, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => {
        text += part;
      });
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: () => JSON.parse(text) as Record<string, unknown> }),
      );
      answer.once('error', reject);
    });
    request.once('error', reject);
    request.end();
  });
}

/** Sends a body, in chunks when it comes in several parts. */
function post(url: string, parts: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', agent: false }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    request.once('error', reject);
    for (const part of parts) request.write(part);
    request.end();
  });
}

async function eventually(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!what()) {
    if (Date.now() > deadline) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe.each(['native', 'http-proxy'] as const)('issue 3: routing beyond weights, engine %s', (engine) => {
  const proxyOf = (
    more: Partial<AppRoutes>,
    weights: Record<string, number> | null = { 1: 10_000, 2: 0 },
    options: Partial<ProxyOptions> = {},
  ) => running(weights, more, { engine, ...options });

  it('pins by content type where the app allows it, behind the headers', async () => {
    const { base } = await proxyOf({ pinByAccept: true, aliases: { next: 2 } });
    const accept = { Accept: 'text/html, application/json; app-version=2' };
    expect(await versionOf(`${base}${CART}`, accept)).toBe('2');
    expect(await versionOf(`${base}${CART}`, { Accept: 'application/json;app-version="next"' })).toBe('2');
    expect(await versionOf(`${base}${CART}`, { ...accept, 'X-App-Version': '1' })).toBe('1');
    const twice = await call(`${base}${CART}`, { Accept: 'a/b;app-version=1, c/d;app-version=2' });
    expect([twice.status, twice.json().code]).toEqual([400, 'bad_version_header']);
    const off = await proxyOf({});
    expect(await versionOf(`${off.base}${CART}`, accept)).toBe('1');
  });

  it('affinity by cookie: set once by the proxy beside the instance’s own cookies, obeyed from then on', async () => {
    const bus = new FakeBus();
    const own = await instance('own', (_req, res) => res.setHeader('Set-Cookie', 'app=1').end());
    const affinity = { by: 'cookie', name: 'shop-id', ttlSeconds: 60 } as const;
    bus.store('e1', 1, [shop(1, { 1: [own], 2: [{ ...own, id: 'b' }] }, { 1: 5_000, 2: 5_000 }, { affinity })]);
    const proxy = await start(bus, { engine });
    const url = `${proxy.proxyUrl}/namespaces/default/apps/shop${CART}`;
    const first = await call(url);
    const cookies = first.headers['set-cookie'] ?? [];
    expect(cookies).toHaveLength(2);
    expect(cookies).toContain('app=1');
    const id = /^shop-id=([0-9a-f]{32}); Path=\/; HttpOnly; SameSite=Lax; Max-Age=60$/.exec(
      cookies.find((one) => one !== 'app=1') ?? '',
    )?.[1];
    expect(first.headers['x-route-reason']).toBe('affinity');
    for (let i = 0; i < 10; i++) {
      const again = await call(url, { Cookie: `a=b; shop-id=${id}` });
      expect(again.headers['x-app-version']).toBe(first.headers['x-app-version']);
      expect(again.headers['set-cookie']).toEqual(['app=1']);
    }
  });

  it('audiences: the first rule that matches, by header, cookie, query and address; pins come before', async () => {
    const version = (number: number) => ({ version: number });
    const { base } = await proxyOf({
      audiences: [
        { name: 'staff', when: [{ by: 'header', name: 'x-group', equals: 'staff' }], then: version(2) },
        { name: 'beta', when: [{ by: 'cookie', name: 'beta', present: true }], then: { weights: { 2: 10_000 } } },
        { name: 'trial', when: [{ by: 'query', name: 'trial', equals: 'a b' }], then: version(2) },
        { name: 'nowhere', when: [{ by: 'address', cidr: ['10.0.0.0/8'] }], then: version(2) },
      ],
    } as Partial<AppRoutes>);
    const staff = await call(`${base}${CART}`, { 'X-Group': 'staff' });
    expect([staff.headers['x-app-version'], staff.headers['x-route-reason']]).toEqual(['2', 'audience']);
    expect(await versionOf(`${base}${CART}`, { Cookie: 'beta=' })).toBe('2');
    expect(await versionOf(`${base}${CART}?z=1&trial=a%20b`)).toBe('2');
    expect(await versionOf(`${base}${CART}`)).toBe('1');
    expect(await versionOf(`${base}${CART}`, { 'X-Group': 'staff', 'X-App-Version': '1' })).toBe('1');
    const local = await proxyOf({
      audiences: [{ name: 'local', when: [{ by: 'address', cidr: ['127.0.0.0/8'] }], then: version(2) }],
    } as Partial<AppRoutes>);
    expect(await versionOf(`${local.base}${CART}`)).toBe('2');
  });

  // Where there is no IPv6, nothing can listen on it.
  (HAS_IPV6 ? it : it.skip)('listening on IPv6 and IPv4 alike, an address means the same to rules and instances', async () => {
    const audiences = [
      { name: 'four', when: [{ by: 'address', cidr: ['127.0.0.0/8'] }], then: { version: 2 } },
      { name: 'six', when: [{ by: 'address', cidr: ['::1/128'] }], then: { weights: { 1: 10_000 } } },
    ];
    const { proxy } = await proxyOf({ audiences } as Partial<AppRoutes>, { 1: 10_000, 2: 0 }, { host: '::' });
    const port = /\d+$/.exec(proxy.proxyUrl)?.[0];
    const path = `/namespaces/default/apps/shop${CART}`;
    const four = await call(`http://127.0.0.1:${port}${path}`);
    expect(four.headers).toMatchObject({ 'x-app-version': '2', 'x-route-reason': 'audience' });
    expect(four.json()).toMatchObject({ headers: { 'x-forwarded-for': '127.0.0.1' } });
    const six = await askOver('::1', Number(port), path);
    expect(six.headers).toMatchObject({ 'x-app-version': '1', 'x-route-reason': 'audience' });
    expect(six.json()).toMatchObject({ headers: { 'x-forwarded-for': '::1' } });
  });

  it('a public host that leads back to the proxy: 508 loop_detected, after a bounded number of rounds', async () => {
    const bus = new FakeBus();
    bus.store('e1', 0, []);
    const proxy = await start(bus, { engine });
    const document = shop(1, { 1: [{ id: 'itself', url: proxy.proxyUrl }] }, { 1: 10_000 });
    for (const service of document.routes.services) service.hosts = { hosts: ['shop.example.com'], pathPrefix: '/' };
    bus.publish(1, document);
    const answer = await call(`${proxy.proxyUrl}/total`, { Host: 'shop.example.com' });
    expect([answer.status, answer.json().code]).toEqual([508, 'loop_detected']);
    const { text } = await call(`${proxy.adminUrl}/metrics`);
    expect(text).toMatch(/^http_server_request_duration_seconds_count\{[^}]*version="1"[^}]*error_type="508"\} 8$/m);
    expect(text).toMatch(/^http_server_request_duration_seconds_count\{[^}]*version=""[^}]*error_type="loop_detected"\} 1$/m);
    expect(text).toContain('fabric_proxy_problems_total{problem="loop_detected"} 1');
  });

  it('host routes: no path of the fabric, the same pins, the prefix told to the instance', async () => {
    const bus = new FakeBus();
    const [one, two] = [await instance('one'), await instance('two')];
    const document = shop(1, { 1: [one], 2: [two] }, { 1: 10_000, 2: 0 });
    for (const service of document.routes.services) service.hosts = { hosts: ['shop.example.com', '*.example.org'], pathPrefix: '/cart' };
    bus.store('e1', 1, [document]);
    const proxy = await start(bus, { engine });
    const told = async (path: string, headers: Record<string, string>) => (await call(`${proxy.proxyUrl}${path}`, headers)).json();
    expect(await told('/cart/total?a=%2F', { Host: 'SHOP.example.com:80' })).toMatchObject({
      name: 'one',
      url: '/total?a=%2F',
      headers: { 'x-forwarded-prefix': '/cart', 'x-forwarded-host': 'SHOP.example.com:80' },
    });
    // RFC 9112 §3.2.2: the target's authority counts, whatever Host says.
    const absolute = await told('http://shop.example.com/cart/total', { Host: 'nobody.example' });
    expect(absolute).toMatchObject({ name: 'one', url: '/total', headers: { host: 'shop.example.com' } });
    const asterisk = await call(`${proxy.proxyUrl}*`, { Host: 'shop.example.com' }, 'OPTIONS');
    expect([asterisk.status, asterisk.json().code]).toEqual([400, 'bad_request']);
    expect(await told('/cart?b', { Host: 'a.example.org', 'X-App-Version': '2' })).toMatchObject({ name: 'two', url: '/?b' });
    for (const [path, host] of [
      ['/cartx', 'shop.example.com'],
      ['/cart', 'example.com'],
      ['/x/../cart', 'shop.example.com'],
    ] as const)
      expect(await told(path, { Host: host })).toMatchObject({ code: 'route_not_found' });
  });

  it('throttling: 429 with Retry-After, and the next one is let in when one leaves', async () => {
    const waiting: (() => void)[] = [];
    const bus = new FakeBus();
    const slow = await instance('slow', (_req, res) => void waiting.push(() => res.end()));
    bus.store('e1', 1, [shop(1, { 1: [slow] }, { 1: 10_000 }, { limits: { versions: { 1: { concurrent: 1 } } } })]);
    const proxy = await start(bus, { engine });
    const url = `${proxy.proxyUrl}/namespaces/default/apps/shop${CART}`;
    const first = call(url);
    await eventually(() => waiting.length === 1);
    const refused = await call(url);
    expect([refused.status, refused.json().code, refused.headers['retry-after']]).toEqual([429, 'throttled', '1']);
    waiting[0]?.();
    expect((await first).status).toBe(200);
    const third = call(url);
    await eventually(() => waiting.length === 2);
    waiting[1]?.();
    expect((await third).status).toBe(200);
  });

  it('throttling by rate, for a service', async () => {
    const { base } = await proxyOf({ limits: { services: { cart: { requestsPerSecond: 0.01, burst: 2 } } } });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await call(`${base}${CART}`)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  describe('mirroring', () => {
    async function mirrored(maxBodyBytes: number, copyHandler?: (req: IncomingMessage) => void) {
      const bus = new FakeBus();
      const bodies: string[] = [];
      const heads: IncomingMessage[] = [];
      const one = await instance('one', (req, res) => req.resume().once('end', () => res.end('one')));
      const two = await instance('two', (req, res) => {
        let body = '';
        heads.push(req);
        copyHandler?.(req);
        req.on('data', (part: Buffer) => {
          body += part;
        });
        req.once('end', () => {
          bodies.push(body);
          res.end('two');
        });
      });
      const mirror = { version: 2, shareBp: 10_000, maxBodyBytes };
      bus.store('e1', 1, [shop(1, { 1: [one], 2: [two] }, { 1: 10_000, 2: 0 }, { mirror })]);
      const proxy = await start(bus, { engine });
      return { url: `${proxy.proxyUrl}/namespaces/default/apps/shop${CART}`, bodies, heads, proxy };
    }

    it('copies requests with their bodies up to a limit, marked, the answer from the original only', async () => {
      const { url, bodies, heads, proxy } = await mirrored(10);
      expect((await call(url, { 'X-Own': '1' })).text).toBe('one');
      await eventually(() => bodies.length === 1);
      expect(heads[0]?.headers).toMatchObject({ 'x-mirrored': 'true', 'x-app-version': '2', 'x-own': '1' });
      expect(heads[0]?.url).toBe('/x');
      expect(await post(url, ['12345', '67890'])).toBe(200);
      await eventually(() => bodies.length === 2);
      expect(await post(url, ['12345', '678901'])).toBe(200);
      expect(await post(url, ['end'])).toBe(200);
      await eventually(() => bodies.length === 3);
      expect(bodies).toEqual(['', '1234567890', 'end']);
      const { text } = await call(`${proxy.adminUrl}/metrics`);
      expect(text).toMatch(/fabric_proxy_mirrored_requests_total\{outcome="answered"\} [23]/);
    });

    it('a version that breaks off on every copy does not fail or slow the original', async () => {
      const { url, heads } = await mirrored(10, (req) => req.socket.destroy());
      for (let i = 0; i < 5; i++) expect((await call(url)).text).toBe('one');
      await eventually(() => heads.length >= 5);
    });
  });
});
