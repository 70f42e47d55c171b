import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readSettings, SettingsError } from './read-settings.js';

const REDIS_URL = 'redis://127.0.0.1:6379';

describe('CONTRACT §2: settings are read once, validated, and a bad one is named', () => {
  it('has the defaults of the contract', () => {
    expect(readSettings({ REDIS_URL })).toMatchObject({
      host: '127.0.0.1',
      port: 8081,
      adminPort: 8082,
      dataDir: '.fabric',
      logLevel: 'info',
      basePath: '',
      limits: { headBytes: 16_384, bodyBytes: 0 },
      requestLog: { ratio: 0, linesPerSecond: 20 },
      metrics: true,
    });
  });

  it('takes what is set; empty is absent', () => {
    const settings = readSettings({
      REDIS_URL,
      FABRIC_HOST: '::1',
      FABRIC_PROXY_PORT: '0',
      FABRIC_PROXY_BASE_PATH: '/edge/',
      FABRIC_PROXY_ID: 'p-1',
      FABRIC_PROXY_WORKERS: '1',
      FABRIC_PROXY_MAX_BODY_BYTES: '1000',
      FABRIC_LOG_LEVEL: '',
      FABRIC_PROXY_REQUEST_LOG_RATIO: '0.25',
      FABRIC_PROXY_METRICS: 'off',
    });
    expect(settings).toMatchObject({
      host: '::1',
      port: 0,
      basePath: '/edge',
      proxyId: 'p-1',
      logLevel: 'info',
      limits: { bodyBytes: 1000 },
      requestLog: { ratio: 0.25 },
      metrics: false,
    });
  });

  it('FABRIC_PROXY_WORKERS: a number, or auto for one each core', () => {
    expect(readSettings({ REDIS_URL }).workers).toBe(1);
    expect(readSettings({ REDIS_URL, FABRIC_PROXY_WORKERS: '3' }).workers).toBe(3);
    expect(readSettings({ REDIS_URL, FABRIC_PROXY_WORKERS: 'auto' }).workers).toBe(availableParallelism());
  });

  it('numbers are those of the README’s tables', () => {
    const readme = readFileSync(join(import.meta.dirname, '../../../../README.md'), 'utf8');
    const rows = [...readme.matchAll(/^\| `(FABRIC_PROXY_[A-Z_]+)` +\| (\d+) /gm)];
    expect(rows.length).toBeGreaterThan(20);
    expect(readSettings({ REDIS_URL, ...Object.fromEntries(rows.map(([, name, standard]) => [name, standard])) })).toEqual(
      readSettings({ REDIS_URL }),
    );
    for (const [, name = ''] of rows) expect(() => readSettings({ REDIS_URL, [name]: 'x' })).toThrow(name);
  });

  const bad: [string, string | undefined][] = [
    ['REDIS_URL', undefined],
    ['REDIS_URL', 'http://127.0.0.1'],
    ['FABRIC_PROXY_PORT', '65536'],
    ['FABRIC_PROXY_METRICS', 'no'],
    ['FABRIC_PROXY_PORT', '-1'],
    ['FABRIC_PROXY_ADMIN_PORT', '8e3'],
    ['FABRIC_LOG_LEVEL', 'loud'],
    ['FABRIC_PROXY_BASE_PATH', 'edge'],
    ['FABRIC_PROXY_ID', 'a b'],
    ['FABRIC_PROXY_REQUEST_LOG_RATIO', '1.5'],
    ['FABRIC_PROXY_REQUEST_LOG_RATIO', '1%'],
    ['FABRIC_PROXY_REQUEST_LOG_LINES_PER_SECOND', '-1'],
    ['FABRIC_PROXY_WORKERS', '0'],
    ['FABRIC_PROXY_WORKERS', 'many'],
    ['FABRIC_PROXY_WORKERS', '257'],
    ['FABRIC_PROXY_WORKERS', '1.5'],
    ['FABRIC_PROXY_TRUST_FORWARDED', 'yes'],
    ['FABRIC_PROXY_RESPONSE_TIMEOUT_MS', '1s'],
    ['FABRIC_PROXY_MAX_TARGET_BYTES', '20000'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
  ];
  for (const [name, value] of bad) {
    it(`names ${name}=${value}`, () => {
      const read = () => readSettings({ REDIS_URL, [name]: value });
      expect(read).toThrow(SettingsError);
      expect(read).toThrow(name);
    });
  }
});
