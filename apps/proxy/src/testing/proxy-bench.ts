import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AppRoutes } from '@app-fabric/routing';
import { type ProxyOptions, type RunningProxy, startProxy } from '../start-proxy.js';
import { FakeBus, routeDocument } from '../table/testing/fake-bus.js';

export const PATH = '/namespaces/default/apps/shop';
export const silent = { info: () => undefined, warn: () => undefined };
export const cleanups: (() => Promise<unknown> | unknown)[] = [];

/** For `afterEach`: ends everything that was started. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** An instance that answers with its name and what it was told. */
export async function instance(
  name: string,
  handler?: Handler,
): Promise<{ id: string; url: string; requests: IncomingMessage[]; close(): Promise<void> }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    if (handler) handler(req, res);
    else res.end(JSON.stringify({ name, url: req.url, headers: req.headers }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  cleanups.push(close);
  return { id: name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  json(): Record<string, unknown>;
}

export function call(url: string, headers: Record<string, string | string[]> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Not through the URL class, which would resolve dot segments.
    const [, host = '', port = '', path = ''] = /^http:\/\/([^:/]+):(\d+)(.*)$/.exec(url) ?? [];
    const request = httpRequest({ host, port, path, method, headers, agent: false }, (res) => {
      const parts: Buffer[] = [];
      res.on('data', (part: Buffer) => parts.push(part));
      res.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: () => JSON.parse(text) as Record<string, unknown> });
      });
      res.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

export async function start(bus: FakeBus, options: Partial<ProxyOptions> = {}): Promise<RunningProxy> {
  const proxy = await startProxy({ bus, log: silent, shutdownGraceMs: 2_000, ...options, limits: { lameDuckMs: 0, ...options.limits } });
  cleanups.push(() => proxy.close());
  return proxy;
}

export interface Part {
  id: string;
  url: string;
}

export function shop(
  revision: number,
  versions: Record<number, Part[]>,
  weights: Record<string, number> | null,
  more: Partial<AppRoutes> = {},
) {
  const document = routeDocument('shop', revision);
  const numbers = Object.keys(versions).map(Number);
  document.routes = {
    ...document.routes,
    versions: [...numbers, 9].map((version) => ({ version, artifactVersion: `${version}.0.0` })),
    weights,
    services: [
      {
        name: 'cart',
        weights: null,
        versions: numbers.map((version) => ({ version, instances: (versions[version] ?? []).map(({ id, url }) => ({ id, url })) })),
      },
    ],
    ...more,
  };
  return document;
}

export async function running(
  weights: Record<string, number> | null = { 1: 10_000, 2: 0 },
  more: Partial<AppRoutes> = {},
  options: Partial<ProxyOptions> = {},
) {
  const bus = new FakeBus();
  const [one, two] = [await instance('one'), await instance('two')];
  bus.store('e1', 1, [shop(1, { 1: [one], 2: [two] }, weights, more)]);
  const proxy = await start(bus, options);
  return { bus, proxy, one, two, base: `${proxy.proxyUrl}${PATH}` };
}
