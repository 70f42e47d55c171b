import { cookieValue, fieldsOfList } from './fields.js';
import { attemptLines, forwardedStart } from './forwarded.js';
import { forwardHeaders, forwardTrailers, headerValue, listOfLines, requestFraming } from './headers.js';
import { sentRequestId } from './ids.js';
import { readPins } from './pins.js';

const TRACEPARENT = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;

function forwarded(headers: string[], trustForwarded = false, tracestate = ''): Record<string, string> {
  const start = forwardedStart({ fields: fieldsOfList(headers), remoteAddress: '::ffff:10.0.0.9', encrypted: false }, trustForwarded);
  const list = listOfLines(`${start}/p\r\n${attemptLines(3, 'r-1', TRACEPARENT, tracestate)}`);
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), list[i + 1] ?? '']] : [])));
}

describe('CONTRACT §4: what instances are told', () => {
  it('X-Forwarded-For/-Proto/-Host/-Prefix, X-Request-Id, traceparent, X-App-Version and CDN-Loop', () => {
    expect(forwarded(['Host', 'shop.example'])).toEqual({
      'x-forwarded-for': '10.0.0.9',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-prefix': '/p',
      'x-request-id': 'r-1',
      traceparent: TRACEPARENT,
      'x-app-version': '3',
      'cdn-loop': 'app-fabric',
    });
  });

  it('X-Forwarded-For is appended to; -Proto, -Host and -Prefix of an untrusted client are replaced', () => {
    const sent = [
      'Host',
      'h',
      'X-Forwarded-For',
      '1.1.1.1, 2.2.2.2',
      'x-forwarded-for',
      '3.3.3.3',
      'X-Forwarded-Proto',
      'https',
      'X-Forwarded-Host',
      'evil',
    ];
    expect(forwarded(sent)).toMatchObject({
      'x-forwarded-for': '1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.9',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'h',
    });
    expect(forwarded([...sent, 'X-Forwarded-Prefix', '/outer/'], true)).toMatchObject({
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil',
      'x-forwarded-prefix': '/outer/p',
    });
  });

  it('tracestate, where there is one', () => {
    expect(forwarded(['Host', 'h'], false, 'a=1')).toMatchObject({ tracestate: 'a=1' });
  });

  const requestIds: [string, string[], boolean][] = [
    ['a short printable one is kept', ['req-1/x'], true],
    ['too long', ['a'.repeat(129)], false],
    ['with a space', ['a b'], false],
    ['not ASCII', ['é'], false],
    ['empty', [''], false],
    ['two of them', ['a', 'a'], false],
  ];
  for (const [title, sent, kept] of requestIds) {
    it(`X-Request-Id: ${title}`, () => {
      expect(sentRequestId(sent)).toBe(kept ? sent[0] : null);
    });
  }
});

describe('CONTRACT §4: version pins by header', () => {
  const cases: [string, string[], object | null][] = [
    ['none', [], {}],
    ['a version', ['X-App-Version', '2'], { versionHeader: '2' }],
    ['an alias', ['x-app-version', 'stable'], { versionHeader: 'stable' }],
    ['`latest` asks for nothing', ['X-App-Version', 'latest'], {}],
    ['an artifact version', ['X-Artifact-Version', '1.2.3-rc.1+b'], { artifactHeader: '1.2.3-rc.1+b' }],
    ['both: the first that applies', ['X-App-Version', '2', 'X-Artifact-Version', '1.0.0'], { versionHeader: '2' }],
    ['an impossible artifact version behind a version', ['X-App-Version', '2', 'X-Artifact-Version', '?'], { versionHeader: '2' }],
    ['the same twice', ['X-App-Version', '2', 'x-app-version', '2'], { versionHeader: '2' }],
    ['two different ones', ['X-App-Version', '2', 'X-App-Version', '3'], null],
    ['a list', ['X-App-Version', '2, 3'], null],
    ['empty', ['X-App-Version', ''], null],
    ['a path', ['X-App-Version', '../1'], null],
    ['two different artifact versions', ['X-Artifact-Version', '1', 'X-Artifact-Version', '2'], null],
  ];
  for (const [title, headers, pins] of cases) {
    it(pins === null ? `bad_version_header: ${title}` : title, () => {
      expect(readPins(fieldsOfList(headers))).toEqual(pins === null ? { ok: false, detail: expect.any(String) } : { ok: true, pins });
    });
  }
});

describe('header lists', () => {
  it('forwardHeaders drops hop-by-hop fields and what Connection names, keeps order, case and duplicates, and puts replacements last', () => {
    const list = ['A', '1', 'Connection', 'close, B', 'b', '2', 'a', '3', 'TE', 'trailers', 'X-Own', 'client', 'Content-Length', '3'];
    expect(forwardHeaders(list, ['x-own', 'proxy'])).toEqual(['A', '1', 'a', '3', 'Content-Length', '3', 'x-own', 'proxy']);
  });

  it('a tracestate goes with the traceparent it came with', () => {
    expect(forwardHeaders(['traceparent', 'x', 'Tracestate', 'a=1'], ['traceparent', 'y'])).toEqual(['traceparent', 'y']);
  });

  it('Connection cannot remove the framing', () => {
    expect(forwardHeaders(['Connection', 'Content-Length, host', 'Content-Length', '3', 'Host', 'h'], [])).toEqual([
      'Content-Length',
      '3',
      'Host',
      'h',
    ]);
  });

  it('forwardTrailers keeps what is allowed in trailers', () => {
    expect(forwardTrailers(['X-Sum', '1', 'Content-Length', '1', 'Host', 'x', 'Set-Cookie', 'a'])).toEqual([['X-Sum', '1']]);
  });

  it('requestFraming tells the four kinds', () => {
    expect([
      requestFraming([]),
      requestFraming(['content-length', '12']),
      requestFraming(['Transfer-Encoding', 'Chunked']),
      requestFraming(['Transfer-Encoding', 'gzip, chunked']),
    ]).toEqual([{ kind: 'none' }, { kind: 'length', bytes: 12 }, { kind: 'chunked' }, { kind: 'unsupported' }]);
  });

  it('cookieValue finds the exact name', () => {
    const list = ['Cookie', 'xsid=0; sid=a=b', 'Cookie', 'other=1'];
    expect([
      cookieValue(fieldsOfList(list), 'sid'),
      cookieValue(fieldsOfList(list), 'other'),
      cookieValue(fieldsOfList(list), 'id'),
    ]).toEqual(['a=b', '1', undefined]);
    expect(headerValue(list, 'cookie')).toBe('xsid=0; sid=a=b');
  });
});
