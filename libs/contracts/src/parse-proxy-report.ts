import type { ProxyReport, RejectedApp } from './messages.js';
import { MAX_REJECTED_APPS, readName } from './names.js';
import { readHead } from './parse-route-document.js';
import { field, integer, list, member, object, orNull, type Parsed, parseWith, record, shortText } from './read.js';

const MAX_IN_FLIGHT = 100_000;

const readBootId = shortText(128);
const readAdminUrl = shortText();
const readKey = shortText(257);
const readReason = shortText(10_000);
const readTime = shortText(64);
const readCount = integer(0);
const readApplied = orNull((input) => readHead(object(input)));
const readLastRejection = orNull(readRejection);
const readRejected = list(MAX_REJECTED_APPS, readRejectedApp);
const readInFlight = record(MAX_IN_FLIGHT, readCount);

/** Reads what a proxy says of itself. Never throws. An older proxy does not tell `seenRevision` and `rejected`: then `applied` is all it says. */
export function parseProxyReport(input: unknown): Parsed<ProxyReport> {
  return parseWith('report', () => {
    const fields = object(input);
    const applied = member(fields, 'applied', readApplied);
    return {
      proxyId: member(fields, 'proxyId', readName),
      bootId: member(fields, 'bootId', readBootId),
      adminUrl: member(fields, 'adminUrl', readAdminUrl),
      applied,
      seenRevision: member(fields, 'seenRevision', (seen) =>
        applied === null || seen === null ? null : integer(applied.revision)(seen ?? applied.revision),
      ),
      rejected: member(fields, 'rejected', (rejected) => readRejected(rejected ?? [])),
      lastRejection: member(fields, 'lastRejection', readLastRejection),
      inFlight: member(fields, 'inFlight', readInFlight),
      leaving: field(fields, 'leaving') === true,
      at: member(fields, 'at', readTime),
    };
  });
}

function readRejection(input: unknown): NonNullable<ProxyReport['lastRejection']> {
  const fields = object(input);
  return {
    revision: member(fields, 'revision', readCount),
    key: member(fields, 'key', readKey),
    reason: member(fields, 'reason', readReason),
    at: member(fields, 'at', readTime),
  };
}

function readRejectedApp(input: unknown): RejectedApp {
  return { ...readRejection(input), heldRevision: member(object(input), 'heldRevision', orNull(readCount)) };
}
