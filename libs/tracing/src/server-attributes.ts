import type { Attributes } from './tracing.js';

/** What a `Host` field says, as OpenTelemetry names it. */
export function serverAttributes(host: string | undefined): Attributes {
  const [, address, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host ?? '') ?? [];
  if (!address) return {};
  const plain = address.startsWith('[') ? address.slice(1, -1) : address;
  return port === undefined ? { 'server.address': plain } : { 'server.address': plain, 'server.port': Number(port) };
}
