import { request } from 'node:http';
import type { FabricAnswer } from '@app-fabric/scenario';

/** A request whose path goes out exactly as written: URL would resolve `..` and `%2e%2e` before anybody sees them. */
export function sendRawPath(
  method: string,
  base: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<FabricAnswer> {
  const { hostname, port } = new URL(base);
  const payload = body ? { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) } : {};
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, agent: false, headers: { ...payload, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const isJson = /[/+]json/.test(String(response.headers['content-type']));
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: isJson && text ? JSON.parse(text) : text });
      });
    });
    sent.on('error', reject);
    sent.end(body || undefined);
  });
}
