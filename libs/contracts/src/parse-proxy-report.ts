import type { ProxyReport } from './messages.js';
import { NAME_PATTERN } from './names.js';
import { readHead } from './parse-route-document.js';
import { entries, field, integer, object, type Parsed, parseWith, shortText, text } from './read.js';

const MAX_IN_FLIGHT = 100_000;

/** Reads what a proxy says of itself. Never throws. */
export function parseProxyReport(input: unknown): Parsed<ProxyReport> {
  return parseWith(() => {
    const fields = object(input, 'report');
    const applied = field(fields, 'applied');
    const rejection = field(fields, 'lastRejection');
    return {
      proxyId: text(field(fields, 'proxyId'), 'report.proxyId', NAME_PATTERN, 'a name'),
      bootId: shortText(field(fields, 'bootId'), 'report.bootId', 128),
      adminUrl: shortText(field(fields, 'adminUrl'), 'report.adminUrl'),
      applied: applied === null ? null : readHead(object(applied, 'report.applied'), 'report.applied'),
      lastRejection: rejection === null ? null : readRejection(rejection),
      inFlight: Object.fromEntries(
        entries(field(fields, 'inFlight'), 'report.inFlight', MAX_IN_FLIGHT, (_, count, at) => integer(count, at, 0)),
      ),
      leaving: field(fields, 'leaving') === true,
      at: shortText(field(fields, 'at'), 'report.at', 64),
    };
  });
}

function readRejection(input: unknown): NonNullable<ProxyReport['lastRejection']> {
  const fields = object(input, 'report.lastRejection');
  return {
    revision: integer(field(fields, 'revision'), 'report.lastRejection.revision', 0),
    key: shortText(field(fields, 'key'), 'report.lastRejection.key', 257),
    reason: shortText(field(fields, 'reason'), 'report.lastRejection.reason', 10_000),
    at: shortText(field(fields, 'at'), 'report.lastRejection.at', 64),
  };
}
