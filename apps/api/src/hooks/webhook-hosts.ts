import { BlockList, isIP } from 'node:net';

/** Where clouds keep the secrets of their machines: no receiver of webhooks is there. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6');

/** Whom this control plane may send webhooks to: the hosts that its operator has named, or, without names, all but link-local addresses. */
export class WebhookHosts {
  /** @param patterns `hooks.example.com`, `*.example.com` (every name below it), `10.0.0.7`; lower case */
  constructor(private readonly patterns: readonly string[]) {}

  /** Null: it may; else why not, for people. */
  refusal(url: URL): string | null {
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (this.patterns.length > 0) {
      const named = this.patterns.some((pattern) => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern));
      return named ? null : `${host} is not among the hosts that webhooks may go to (FABRIC_WEBHOOK_HOSTS)`;
    }
    return isIP(host) === 0 ? null : this.addressRefusal(host);
  }

  /** Of what a name has turned out to be, when the connection is made: a name is not trusted to stay what it was. */
  addressRefusal(address: string): string | null {
    if (this.patterns.length > 0) return null;
    return LINK_LOCAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') ? `${address} is a link-local address` : null;
  }
}

/** As it may be shown to everybody: tokens often stand in the query. */
export function shownUrl(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`;
}
