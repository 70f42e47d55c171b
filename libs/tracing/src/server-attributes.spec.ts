import { serverAttributes } from './server-attributes.js';

describe('server.address and server.port', () => {
  it.each([
    ['shop.example', { 'server.address': 'shop.example' }],
    ['shop.example:8081', { 'server.address': 'shop.example', 'server.port': 8081 }],
    ['[::1]:80', { 'server.address': '::1', 'server.port': 80 }],
    ['[::1]', { 'server.address': '::1' }],
    ['a:b', {}],
    ['', {}],
    [undefined, {}],
  ])('%s', (host, expected) => expect(serverAttributes(host)).toEqual(expected));
});
