import { createRequire } from 'node:module';
import type httpProxy from 'http-proxy';

const require = createRequire(import.meta.url);

/**
 * http-proxy 1.18 takes `util._extend` when it is loaded, and newer Node versions print a deprecation warning at its first call. It is
 * given `Object.assign`, which does the same, and everybody else keeps what was there.
 */
export function loadHttpProxy(): typeof httpProxy {
  const util = require('node:util') as { _extend: unknown };
  const original = Object.getOwnPropertyDescriptor(util, '_extend');
  Object.defineProperty(util, '_extend', { value: Object.assign, configurable: true, writable: true, enumerable: true });
  try {
    return require('http-proxy') as typeof httpProxy;
  } finally {
    if (original) Object.defineProperty(util, '_extend', original);
  }
}

/**
 * The options object that http-proxy fills and gives to `http.request` (its `ssl` setting). Path and headers cannot be overwritten:
 * http-proxy's own path joining folds `//` and re-encodes characters, and its header object loses case, order and duplicates.
 */
export function outgoingOptions(path: string, headers: readonly string[], more: Record<string, unknown>): Record<string, unknown> {
  const fixed = (value: unknown): PropertyDescriptor => ({ enumerable: true, get: () => value, set: () => undefined });
  return Object.defineProperties({ ...more }, { path: fixed(path), headers: fixed([...headers]) });
}
