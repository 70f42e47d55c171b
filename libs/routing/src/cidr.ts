/** A network: an address belongs to it when its words, masked, equal those of the network. One word for IPv4, four for IPv6. */
export interface Cidr {
  readonly words: Uint32Array;
  readonly masks: Uint32Array;
}

const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9A-Fa-f]{1,4}$/;
const PREFIX_LENGTH = /^(?:0|[1-9][0-9]{0,2})$/;
const MAX_TEXT_LENGTH = 64;
const WORD_BITS = 32;
const MAPPED_BITS = 96;

/**
 * `10.0.0.0/8`, `2001:db8::/32`, or one address without a length. IPv4 in IPv6 form (`::ffff:10.0.0.0/104`) is IPv4. Returns what is
 * wrong as text: bits beyond the prefix are refused, as whoever set them meant something else.
 */
export function parseCidr(text: string): Cidr | string {
  const [base = '', lengthText, ...more] = text.split('/');
  const raw = base.includes('%') ? null : parseWords(base);
  if (raw === null || more.length > 0) return 'is not a network like 10.0.0.0/8 or 2001:db8::/32';
  const bits = raw.length * WORD_BITS;
  const length = lengthText === undefined ? bits : PREFIX_LENGTH.test(lengthText) ? Number(lengthText) : -1;
  if (length < 0 || length > bits) return `needs a prefix length from 0 to ${bits}`;
  const mapped = isMapped(raw) && length >= MAPPED_BITS;
  const words = mapped ? raw.slice(3) : raw;
  const masks = masksOf(mapped ? length - MAPPED_BITS : length, words.length);
  if (words.some((word, index) => (word & ~(masks[index] as number)) !== 0)) return 'has bits set beyond its prefix length';
  return { words, masks };
}

/** The words of a client's address; `null` when it is none. A zone (`fe80::1%eth0`) says nothing about networks. */
export function parseAddress(text: string): Uint32Array | null {
  const zone = text.indexOf('%');
  const words = parseWords(zone < 0 ? text : text.slice(0, zone));
  return words !== null && isMapped(words) ? words.slice(3) : words;
}

/** IPv4 addresses are in IPv4 networks only, IPv6 addresses in IPv6 networks only. */
export function contains({ words, masks }: Cidr, address: Uint32Array): boolean {
  if (address.length !== words.length) return false;
  for (let index = 0; index < words.length; index++) {
    if (((address[index] as number) & (masks[index] as number)) >>> 0 !== words[index]) return false;
  }
  return true;
}

function masksOf(length: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => {
    const own = Math.min(WORD_BITS, Math.max(0, length - index * WORD_BITS));
    // A shift by 32 is a shift by 0.
    return own === 0 ? 0 : -1 << (WORD_BITS - own);
  });
}

function isMapped(words: Uint32Array): boolean {
  return words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

function parseWords(text: string): Uint32Array | null {
  if (text.length > MAX_TEXT_LENGTH) return null;
  if (text.includes(':')) return parseIpv6(text);
  const word = parseIpv4(text);
  return word === null ? null : Uint32Array.of(word);
}

function parseIpv4(text: string): number | null {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255)) return null;
  return octets.reduce((word, octet) => word * 256 + Number(octet), 0);
}

/** RFC 4291 §2.2: groups, one `::` for at least one group of zeros, the last two groups perhaps as IPv4. */
function parseIpv6(text: string): Uint32Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = groupsOf(halves[1] ?? '', true);
  if (head === null || tail === null) return null;
  const zeros = 8 - head.length - tail.length;
  if (halves.length === 1 ? zeros !== 0 : zeros < 1) return null;
  const groups = [...head, ...new Array<number>(zeros).fill(0), ...tail];
  return Uint32Array.from({ length: 4 }, (_, index) => (groups[index * 2] as number) * 0x10000 + (groups[index * 2 + 1] as number));
}

function groupsOf(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 && part.includes('.') ? parseIpv4(part) : null;
    if (ipv4 !== null) groups.push(ipv4 >>> 16, ipv4 & 0xffff);
    else if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}
