import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { contains, parseAddress, parseCidr } from './cidr.js';

/** Whether the address is in the network; the reason when the network is none. */
function inNetwork(cidr: string, address: string): boolean | string {
  const network = parseCidr(cidr);
  if (typeof network === 'string') return network;
  const words = parseAddress(address);
  return words !== null && contains(network, words);
}

describe('issue 3: audience rules by CIDR', () => {
  const cases: [cidr: string, address: string, expected: boolean][] = [
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.168.1.0/24', '192.168.1.255', true],
    ['192.168.1.0/24', '192.168.2.0', false],
    ['192.168.1.128/25', '192.168.1.127', false],
    ['203.0.113.7/32', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.8', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['128.0.0.0/1', '127.255.255.255', false],
    ['128.0.0.0/1', '128.0.0.0', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:DB8::', true],
    ['2001:db8::/32', '2001:db9::', false],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['::/0', '2001:db8::1', true],
    // IPv4-mapped addresses and networks are IPv4.
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::FFFF:a01:203', true],
    ['10.0.0.0/8', '::10.1.2.3', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '::ffff:10.1.2.3', true],
    ['::ffff:10.0.0.0/104', '11.1.2.3', false],
    // One family is not in networks of the other.
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '10.0.0.1', false],
    ['::/0', '::ffff:10.0.0.1', false],
    // What is no address is nowhere.
    ['0.0.0.0/0', '', false],
    ['0.0.0.0/0', 'unknown', false],
    ['0.0.0.0/0', '10.0.0', false],
    ['0.0.0.0/0', '10.0.0.256', false],
    ['0.0.0.0/0', '010.0.0.1', false],
    ['::/0', '1::2::3', false],
    ['::/0', '1:2:3:4:5:6:7', false],
    ['::/0', '1:2:3:4:5:6:7:8:9', false],
    ['::/0', '1:2:3:4:5:6:7::8', false],
  ];
  it.each(cases)('%s and %s: %s', (cidr, address, expected) => {
    expect(inNetwork(cidr, address)).toBe(expected);
  });

  it.each([
    ['', /is not a network/],
    ['10.0.0.0/', /prefix length from 0 to 32/],
    ['10.0.0.0/33', /prefix length from 0 to 32/],
    ['10.0.0.0/08', /prefix length/],
    ['10.0.0.0/-1', /prefix length/],
    ['2001:db8::/129', /prefix length from 0 to 128/],
    ['10.0.0.0/8/8', /is not a network/],
    ['10.0.0/8', /is not a network/],
    ['fe80::1%eth0/64', /is not a network/],
    ['localhost', /is not a network/],
    ['10.0.0.1/8', /bits set beyond/],
    ['2001:db8::1/32', /bits set beyond/],
    ['::ffff:0.0.0.0/90', /bits set beyond/],
    [`${'1'.repeat(65)}.0.0.0/8`, /is not a network/],
  ])('refuses the network %j', (cidr, reason) => {
    expect(inNetwork(cidr, '10.0.0.1')).toMatch(reason);
  });

  const ipv4 = fc.ipV4();
  const ipv6 = fc.ipV6();

  /** A base, a length, and another address that often differs from the base only in its last bits. */
  const network = (bytes: number) => {
    const address = fc.uint8Array({ minLength: bytes, maxLength: bytes });
    return fc.tuple(address, fc.integer({ min: 0, max: bytes * 8 }), address, fc.integer({ min: 0, max: bytes }));
  };
  it.each([
    ['ipv4', 4, (bytes: Uint8Array) => bytes.join('.')],
    [
      'ipv6',
      16,
      (bytes: Uint8Array) => Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! * 256 + bytes[2 * at + 1]!).toString(16)).join(':'),
    ],
  ] as const)('agrees with node:net on what is in a network: %s', (family, size, textOf) => {
    let inside = 0;
    fc.assert(
      fc.property(network(size), ([base, length, other, same]) => {
        const masked = textOf(base.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, length - at * 8)))));
        const address = textOf(other.map((byte, at) => (at < same ? base[at]! : byte)));
        const list = new BlockList();
        list.addSubnet(masked, length, family);
        const expected = list.check(address, family);
        if (expected) inside++;
        expect(inNetwork(`${masked}/${length}`, address)).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
    expect(inside).toBeGreaterThan(100);
  });

  it('agrees with node:net on what is an address', () => {
    const almost = fc.oneof(ipv4, ipv6, fc.string({ unit: fc.constantFrom('0', '1', 'f', ':', '::', '.', '25'), maxLength: 12 }));
    fc.assert(
      fc.property(almost, (text) => expect(parseAddress(text) !== null).toBe(isIP(text) !== 0)),
      { numRuns: 2_000 },
    );
  });
});
