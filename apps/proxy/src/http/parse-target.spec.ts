import { parseBasePath, parseTarget } from './parse-target.js';

const base = '/namespaces/default/apps/shop';

describe('CONTRACT §4: the path grammar of the proxy', () => {
  const good: { title: string; target: string; version?: string; forwardPath: string; prefix?: string }[] = [
    { title: 'without a version', target: `${base}/services/cart/methods/a/b`, forwardPath: '/a/b' },
    { title: 'with a version', target: `${base}/versions/2/services/cart/methods/a`, version: '2', forwardPath: '/a' },
    { title: 'with an alias', target: `${base}/versions/stable/services/cart/methods/a`, version: 'stable', forwardPath: '/a' },
    { title: '`latest` is as if absent', target: `${base}/versions/latest/services/cart/methods/a`, forwardPath: '/a' },
    { title: 'a service that is named services', target: '/namespaces/apps/apps/services/services/services/methods/x', forwardPath: '/x' },
    { title: 'no trailing path is the root', target: `${base}/services/cart/methods`, forwardPath: '/' },
    { title: 'a trailing slash is the root', target: `${base}/services/cart/methods/`, forwardPath: '/' },
    { title: 'a query without a path', target: `${base}/services/cart/methods?a=1`, forwardPath: '/?a=1' },
    { title: 'an empty query', target: `${base}/services/cart/methods/x?`, forwardPath: '/x?' },
    { title: 'a query with slashes and question marks', target: `${base}/services/cart/methods/x?a=/b?c//d`, forwardPath: '/x?a=/b?c//d' },
    { title: 'doubled slashes', target: `${base}/services/cart/methods//a///b`, forwardPath: '//a///b' },
    { title: 'escapes of any kind', target: `${base}/services/cart/methods/%2e%2E/%2F%00%ff%zz`, forwardPath: '/%2e%2E/%2F%00%ff%zz' },
    { title: 'dot segments', target: `${base}/services/cart/methods/../../other/methods/x`, forwardPath: '/../../other/methods/x' },
    { title: 'odd characters', target: `${base}/services/cart/methods/{a}|\\^"\`é#f`, forwardPath: '/{a}|\\^"`é#f' },
    { title: 'absolute-form', target: `http://shop.example:81${base}/services/cart/methods/x?y`, forwardPath: '/x?y' },
  ];
  for (const { title, target, version, forwardPath } of good) {
    it(`passes the rest byte for byte: ${title}`, () => {
      const parsed = parseTarget(target);
      if (!parsed.ok) throw new Error(parsed.detail);
      expect(parsed.target.forwardPath).toBe(forwardPath);
      expect(parsed.target.version).toBe(version);
    });
  }

  it('decodes each name once', () => {
    const parsed = parseTarget('/namespaces/d%65fault/apps/sh%6Fp/versions/%32/services/c%61rt/methods/%61');
    expect(parsed).toEqual({
      ok: true,
      target: {
        namespace: 'default',
        app: 'shop',
        version: '2',
        service: 'cart',
        forwardPath: '/%61',
        prefix: '/namespaces/d%65fault/apps/sh%6Fp/versions/%32/services/c%61rt/methods',
      },
    });
  });

  const bad: { title: string; target: string; code: 'bad_request' | 'route_not_found' }[] = [
    { title: '`..` as a name', target: `/namespaces/default/apps/../services/cart/methods/x`, code: 'bad_request' },
    { title: '`%2e%2e` as a name', target: `/namespaces/default/apps/%2e%2e/services/cart/methods/x`, code: 'bad_request' },
    {
      title: 'an encoded slash in a name',
      target: `/namespaces/default/apps/shop%2Fservices/services/cart/methods/x`,
      code: 'bad_request',
    },
    { title: 'an encoded traversal to another service', target: `${base}/services/cart%2F..%2Fpay/methods/x`, code: 'bad_request' },
    { title: 'bad UTF-8 in a name', target: `${base}/services/%ff%fe/methods/x`, code: 'bad_request' },
    { title: 'a broken escape in a name', target: `${base}/services/ca%zrt/methods/x`, code: 'bad_request' },
    { title: 'NUL in a name', target: `${base}/services/cart%00/methods/x`, code: 'bad_request' },
    { title: 'a doubly encoded dot', target: `${base}/services/%252e%252e/methods/x`, code: 'bad_request' },
    { title: 'a name of 200 characters', target: `${base}/services/${'a'.repeat(200)}/methods/x`, code: 'bad_request' },
    { title: 'an emoji', target: `${base}/services/%F0%9F%9B%92/methods/x`, code: 'bad_request' },
    { title: 'an empty name', target: `/namespaces//apps/shop/services/cart/methods/x`, code: 'bad_request' },
    { title: 'a bad version', target: `${base}/versions/-1/services/cart/methods/x`, code: 'bad_request' },
    { title: '`*`', target: '*', code: 'bad_request' },
    { title: 'an authority', target: 'example.com:443', code: 'bad_request' },
    { title: 'another path', target: '/', code: 'route_not_found' },
    { title: 'the path cut short', target: `${base}/services/cart`, code: 'route_not_found' },
    { title: 'keywords out of order', target: `/apps/shop/namespaces/default/services/cart/methods/x`, code: 'route_not_found' },
    { title: 'a dot segment among the keywords', target: `${base}/./services/cart/methods/x`, code: 'route_not_found' },
    { title: 'an encoded keyword', target: `${base}/%73ervices/cart/methods/x`, code: 'route_not_found' },
    { title: 'an encoded slash between segments', target: `${base}%2Fservices/cart/methods/x`, code: 'route_not_found' },
    { title: 'a keyword that only begins right', target: `${base}/services/cart/methodsx`, code: 'route_not_found' },
    { title: 'the route hidden in the query', target: `/x?/namespaces/default/apps/shop/services/cart/methods/x`, code: 'route_not_found' },
  ];
  for (const { title, target, code } of bad) {
    it(`refuses ${title} with ${code}`, () => {
      expect(parseTarget(target)).toMatchObject({ ok: false, code });
    });
  }

  it('takes a base path in front (FABRIC_PROXY_BASE_PATH)', () => {
    const path = `${base}/services/cart/methods/x`;
    expect(parseTarget(`/edge/v1${path}`, '/edge/v1')).toMatchObject({
      ok: true,
      target: { forwardPath: '/x', prefix: `/edge/v1${path.slice(0, -2)}` },
    });
    expect(parseTarget(path, '/edge/v1')).toMatchObject({ ok: false, code: 'route_not_found' });
    expect(parseTarget(`/edge/v12${path}`, '/edge/v1')).toMatchObject({ ok: false, code: 'route_not_found' });
  });

  it('checks the base path setting', () => {
    expect(['', '/', '/edge/', '/a/b', 'edge', '/a//b', '/a?b', '/a b'].map(parseBasePath)).toEqual([
      '',
      '',
      '/edge',
      '/a/b',
      null,
      null,
      null,
      null,
    ]);
  });
});
