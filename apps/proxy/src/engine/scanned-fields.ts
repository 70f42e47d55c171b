import type { RequestFields } from '../http/fields.js';
import type { FieldBlock } from '../http1/field-block.js';
import { type FieldKind, fieldKind, OTHER } from '../http1/field-names.js';

const NONE: readonly string[] = [];
/** By name: what the scanner calls it. Bounded: only the names that the proxy itself asks for come in. */
const kinds = new Map<string, FieldKind>();
const MAX_NAMES = 1_000;

/** The fields of a scanned head, looked up without building a list. */
export class ScannedFields implements RequestFields {
  text = '';

  constructor(private readonly fields: FieldBlock) {}

  value(name: string): string | undefined {
    const field = this.next(name, 0);
    return field < 0 ? undefined : this.valueAt(field);
  }

  values(name: string): readonly string[] {
    let field = this.next(name, 0);
    if (field < 0) return NONE;
    const values: string[] = [];
    for (; field >= 0; field = this.next(name, field + 1)) values.push(this.valueAt(field));
    return values;
  }

  list(): string[] {
    const { fields, text } = this;
    const list: string[] = [];
    for (let field = 0; field < fields.count; field++) {
      list.push(text.slice(fields.nameStart(field), fields.nameEnd(field)), this.valueAt(field));
    }
    return list;
  }

  private valueAt(field: number): string {
    return this.text.slice(this.fields.valueStart(field), this.fields.valueEnd(field));
  }

  private next(name: string, from: number): number {
    const { fields, text } = this;
    const kind = kindOf(name);
    if ((fields.seen & (1 << kind)) === 0) return -1;
    for (let field = from; field < fields.count; field++) {
      if (fields.kinds[field] !== kind) continue;
      const start = fields.nameStart(field);
      const length = fields.nameEnd(field) - start;
      if (length === name.length && text.slice(start, start + length).toLowerCase() === name) return field;
    }
    return -1;
  }
}

function kindOf(name: string): FieldKind {
  const known = kinds.get(name);
  if (known !== undefined) return known;
  const kind = name === '' ? OTHER : fieldKind(Buffer.from(name, 'latin1'), 0, name.length);
  if (kinds.size < MAX_NAMES) kinds.set(name, kind);
  return kind;
}
