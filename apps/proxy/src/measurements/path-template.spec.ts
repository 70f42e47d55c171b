import fc from 'fast-check';
import { pathTemplate } from './path-template.js';

it.each([
  ['/', '/'],
  ['/orders', '/orders'],
  ['/orders/', '/orders/'],
  ['/orders/4711?secret=1', '/orders/{}'],
  ['/v2/orders/4711/items', '/v2/orders/{}/items'],
  ['/users/jane%20doe', '/users/{}'],
  ['/a//b', '/a//b'],
  ['/files/0b6f2c3e-77c5-4d6e-9f0e-6f1f1d1f7a11.pdf', '/files/{}'],
  [`/${'x'.repeat(33)}`, '/{}'],
  ['/a/b/c/d/e/f/g/h/i', '/a/b/c/d/e/f/g/{}'],
])('%s → %s', (path, template) => {
  expect(pathTemplate(path)).toBe(template);
});

it('invariant 9: whatever comes, it is short, printable ASCII', () => {
  fc.assert(fc.property(fc.string({ maxLength: 5_000 }), (path) => /^\/[\x21-\x7e]{0,255}$/.test(pathTemplate(`/${path}`))));
});
