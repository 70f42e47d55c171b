import { sign } from './signature.js';

describe('the signature', () => {
  it('is the HMAC-SHA256 of time and body, as openssl says', () => {
    // printf '1764151200.{"a":"ä"}' | openssl dgst -sha256 -hmac 'whsec_test'
    expect(sign('whsec_test', 1_764_151_200_999, '{"a":"ä"}')).toBe(
      't=1764151200,v1=9c3e2864a27321e5094e165bdc91b42c045ea0009d281a86944df49a3f3ba00f',
    );
  });

  it('differs with the time, the body and the secret', () => {
    const all = [sign('a', 1_000, 'x'), sign('b', 1_000, 'x'), sign('a', 2_000, 'x'), sign('a', 1_000, 'y')];
    expect(new Set(all).size).toBe(4);
  });
});
