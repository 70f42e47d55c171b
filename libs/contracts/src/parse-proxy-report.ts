import type { ProxyReport, RejectedApp } from './messages.js';
import { MAX_REJECTED_APPS, NAME_PATTERN } from './names.js';
import { readHead } from './parse-route-document.js';
import { array, entries, field, integer, object, type Parsed, parseWith, shortText, text } from './read.js';

const MAX_IN_FLIGHT = 100_000;

/** Reads what a proxy says of itself. Never throws. An older proxy does not tell `seenRevision` and `rejected`: then `applied` is all it says. */
export function parseProxyReport(input: unknown): Parsed<ProxyReport> {
  return parseWith(() => {
    const fields = object(input, 'report');
    const applied = field(fields, 'applied');
    const rejection = field(fields, 'lastRejection');
    const head = applied === null ? null : readHead(object(applied, 'report.applied'), 'report.applied');
    const seen = field(fields, 'seenRevision') ?? head?.revision ?? null;
    return {
      proxyId: text(field(fields, 'proxyId'), 'report.proxyId', NAME_PATTERN, 'a name'),
      bootId: shortText(field(fields, 'bootId'), 'report.bootId', 128),
      adminUrl: shortText(field(fields, 'adminUrl'), 'report.adminUrl'),
      applied: head,
      seenRevision: head === null || seen === null ? null : integer(seen, 'report.seenRevision', head.revision),
      rejected: array(field(fields, 'rejected') ?? [], 'report.rejected', MAX_REJECTED_APPS, readRejectedApp),
      lastRejection: rejection === null ? null : readRejection(rejection),
      inFlight: Object.fromEntries(
        entries(field(fields, 'inFlight'), 'report.inFlight', MAX_IN_FLIGHT, (_, count, at) => integer(count, at, 0)),
      ),
      leaving: field(fields, 'leaving') === true,
      at: shortText(field(fields, 'at'), 'report.at', 64),
    };
  });
}

function readRejection(input: unknown, path = 'report.lastRejection'): NonNullable<ProxyReport['lastRejection']> {
  const fields = object(input, path);
  return {
    revision: integer(field(fields, 'revision'), `${path}.revision`, 0),
    key: shortText(field(fields, 'key'), `${path}.key`, 257),
    reason: shortText(field(fields, 'reason'), `${path}.reason`, 10_000),
    at: shortText(field(fields, 'at'), `${path}.at`, 64),
  };
}

function readRejectedApp(input: unknown, path: string): RejectedApp {
  const held = field(object(input, path), 'heldRevision');
  return { ...readRejection(input, path), heldRevision: held === null ? null : integer(held, `${path}.heldRevision`, 0) };
}
