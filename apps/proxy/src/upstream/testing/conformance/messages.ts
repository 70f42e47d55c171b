import type { RawMessage } from '../raw-client.js';

export const GET = 'GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n';
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** `fields` are whole lines with their ends. */
export function request(target: string, fields = '', body = '', method = 'GET'): string {
  return `${method} ${target} HTTP/1.1\r\nHost: shop.example\r\n${fields}\r\n${body}`;
}

export function post(fields: string, body = ''): string {
  return request('/x', fields, body, 'POST');
}

export function answer(body: string, fields = ''): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

export function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`;
}

export const LAST_CHUNK = '0\r\n\r\n';

/** The problem document that an answer holds. */
export function problemOf(message: RawMessage): { code: string; status: number } {
  return JSON.parse(message.body.toString()) as { code: string; status: number };
}

/** How many answers stand in what a client received. */
export function countAnswers(received: string): number {
  return received.match(/^HTTP\/1\.[01] \d{3}/gm)?.length ?? 0;
}
