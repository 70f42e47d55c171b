import type { FieldBlock } from './field-block.js';
import { CONNECTION, DISGUISED, type FieldKind, HOP_BY_HOP, NOMINATED, TRANSFER_ENCODING, UPGRADE } from './field-names.js';

/** What no message takes further as it is (RFC 9110 §7.6.1). Trailer stays: the trailer section goes on too. */
export const NEVER_FORWARDED = kindSet(CONNECTION, TRANSFER_ENCODING, UPGRADE, HOP_BY_HOP, NOMINATED, DISGUISED);

/** A set of kinds as bits. */
export function kindSet(...kinds: FieldKind[]): number {
  return kinds.reduce((set, kind) => set | (1 << kind), 0);
}

/** The field lines of a head without those of the dropped kinds, in their order and as they came; `text` is the head (HeadInput.text). */
export function keptFields(text: string, fields: FieldBlock, dropped: number): string {
  if ((fields.seen & dropped) === 0) return text.slice(fields.start, fields.end);
  let kept = '';
  let runStart = fields.start;
  for (let field = 0; field < fields.count; field++) {
    if ((dropped & (1 << fields.kinds[field]!)) === 0) continue;
    const lineStart = fields.nameStart(field);
    if (lineStart > runStart) kept += text.slice(runStart, lineStart);
    runStart = fields.lineEnd(field);
  }
  return runStart < fields.end ? kept + text.slice(runStart, fields.end) : kept;
}

/** The value of the first field of this kind, or `null`. */
export function fieldValue(text: string, fields: FieldBlock, kind: FieldKind): string | null {
  const field = fields.indexOf(kind);
  return field < 0 ? null : text.slice(fields.valueStart(field), fields.valueEnd(field));
}

/** The values of all fields of this kind, joined as one list (RFC 9110 §5.3); `''` when there is none. */
export function joinedValues(text: string, fields: FieldBlock, kind: FieldKind): string {
  if ((fields.seen & (1 << kind)) === 0) return '';
  let joined = '';
  for (let field = 0; field < fields.count; field++) {
    if (fields.kinds[field] !== kind) continue;
    const value = text.slice(fields.valueStart(field), fields.valueEnd(field));
    joined = joined === '' || value === '' ? joined + value : `${joined}, ${value}`;
  }
  return joined;
}

/** The value of the first field with this name (lower case), which need not be one of the known ones; `null` when there is none. For affinity and audience rules. */
export function valueOfName(text: string, fields: FieldBlock, name: string): string | null {
  for (let field = 0; field < fields.count; field++) {
    const start = fields.nameStart(field);
    if (fields.nameEnd(field) - start !== name.length) continue;
    if (text.slice(start, start + name.length).toLowerCase() !== name) continue;
    return text.slice(fields.valueStart(field), fields.valueEnd(field));
  }
  return null;
}

/** A field line for a writer's additions. Throws a TypeError for what would not be one line: every scanned value is fine. */
export function fieldLine(name: string, value: string): string {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new TypeError(`value of ${name} is not a field value`);
  return `${name}: ${value}\r\n`;
}
