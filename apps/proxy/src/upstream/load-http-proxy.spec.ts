import { createRequire } from 'node:module';
import { loadHttpProxy, outgoingOptions } from './load-http-proxy.js';

const util = createRequire(import.meta.url)('node:util') as { _extend: unknown };

describe('http-proxy is loaded with its sharp edges covered', () => {
  it('its deprecated util._extend is never called, and stays in place for everybody else', () => {
    const original = util._extend;
    const proxy = loadHttpProxy().createProxyServer({});
    expect(util._extend).toBe(original);
    util._extend = () => {
      throw new Error('deprecated');
    };
    try {
      const errors: string[] = [];
      proxy.on('error', (error) => errors.push(error.message));
      // Reaches the merging of options, then finds that there is no target.
      (proxy.web as (...values: unknown[]) => void).call(proxy, {}, {}, {});
      expect(errors).toEqual(['Must provide a proper URL as target']);
    } finally {
      util._extend = original;
    }
  });

  it('path and headers of a request cannot be overwritten by it', () => {
    const options = outgoingOptions('//a/%2e', ['A', '1', 'a', '2'], { insecureHTTPParser: false });
    options.path = '/a';
    options.headers = {};
    options.port = 1;
    expect({ ...options }).toEqual({ path: '//a/%2e', headers: ['A', '1', 'a', '2'], insecureHTTPParser: false, port: 1 });
  });
});
