import { ConfigError, readApiConfig } from './api-config.js';

const required = { DATABASE_URL: 'postgres://localhost/fabric', REDIS_URL: 'redis://localhost' };

describe('settings (CONTRACT §2)', () => {
  it('have the defaults of the contract', () => {
    expect(readApiConfig(required)).toEqual({
      databaseUrl: 'postgres://localhost/fabric',
      redisUrl: 'redis://localhost',
      host: '127.0.0.1',
      port: 8080,
      dataDir: `${process.cwd()}/.fabric`,
      adminToken: null,
      processRuntime: false,
      maxBundleBytes: 268_435_456,
      logLevel: 'info',
      traces: null,
      logExport: null,
      webhookHosts: [],
    });
  });

  it('of the program may be given in place of variables that are not set', () => {
    const config = readApiConfig({}, { databaseUrl: 'postgres://embedded/db', redisUrl: null, processRuntime: true });
    expect(config).toMatchObject({ databaseUrl: 'postgres://embedded/db', redisUrl: null, processRuntime: true });
  });

  it('an empty variable counts as not set', () => {
    expect(readApiConfig({ ...required, FABRIC_API_PORT: '', FABRIC_LOG_LEVEL: '' })).toMatchObject({ port: 8080, logLevel: 'info' });
  });

  it('that are wrong are all named in one message', () => {
    const env = { FABRIC_API_PORT: '99999', FABRIC_LOG_LEVEL: 'loud', FABRIC_PROCESS_RUNTIME: 'yes', REDIS_URL: 'http://x' };
    const read = () => readApiConfig(env);
    expect(read).toThrow(ConfigError);
    for (const name of ['DATABASE_URL', ...Object.keys(env)]) expect(read).toThrow(name);
  });

  it('never appear with their values: they may be secrets', () => {
    const env = { DATABASE_URL: 'mysql://user:s3cret@host/db', REDIS_URL: 's3cret', FABRIC_ADMIN_TOKEN: 's3cret' };
    expect(() => readApiConfig(env)).toThrow(ConfigError);
    expect(() => readApiConfig(env)).not.toThrow(/s3cret/);
  });

  const wrong: Record<string, string[]> = {
    FABRIC_API_PORT: ['-1', '65536', '80.5', '0x50', 'http', ' 80', '1e3'],
    FABRIC_HOST: ['a b', 'http://x', 'x/y'],
    FABRIC_ADMIN_TOKEN: ['x'.repeat(513), 'with spaces in the middle of it', 'ümläute-ümläute-ümläute'],
    FABRIC_PROCESS_RUNTIME: ['true', 'ON', '1'],
    FABRIC_MAX_BUNDLE_BYTES: ['0', '-1', '256M', '1000000000'],
    FABRIC_LOG_LEVEL: ['INFO', 'verbose'],
    FABRIC_WEBHOOK_HOSTS: ['https://a.com', 'a b', 'a.com,,b.com', '*'],
    DATABASE_URL: ['localhost', 'redis://localhost'],
    OTEL_EXPORTER_OTLP_ENDPOINT: ['collector:4318'],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values)
      it(`${name}=${value} is refused`, () => expect(() => readApiConfig({ ...required, [name]: value })).toThrow(name));
  }
});
