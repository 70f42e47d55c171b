import { createHash } from 'node:crypto';
import { type SnapshotToWrite, snapshotBody, snapshotHead } from '../snapshot-file.js';

/** The whole file as text. */
export function renderSnapshot(snapshot: SnapshotToWrite): string {
  const body = [...snapshotBody(snapshot)].join('');
  return `${snapshotHead(createHash('sha256').update(body).digest('hex'))}${body}`;
}
