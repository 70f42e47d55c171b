import { COLON, CR, endOfClass, FIELD_VALUE, HTAB, LF, SP, TOKEN } from './bytes.js';
import { type FieldKind, fieldKind } from './field-names.js';
import { REFUSALS, type Refusal } from './scan-error.js';

/** The block (or head, or body) goes on beyond the bytes there are. */
export const NEED_MORE = -1;
/** The message is refused; the scanner's `refusal` says why. */
export const REFUSED = -2;

const FIRST_FIELDS = 32;

const LINE_START = 0;
const NAME = 1;
const BEFORE_VALUE = 2;
const VALUE = 3;

/**
 * Scans field lines up to and with the empty line that ends them (RFC 9112 §5), in a head or in a trailer section. It can
 * stop at any byte and go on when there are more. It keeps offsets, no strings: four 16-bit numbers a field, counted from
 * `base`, where the message began in the buffer, so that bytes can move to another buffer in between.
 */
export class FieldBlock {
  count = 0;
  /** Offset of the first field line and of the empty line after the last one. Lines follow each other without gaps. */
  start = 0;
  end = 0;
  /** Kinds that occur, and kinds that occur more than once, as bits. */
  seen = 0;
  repeated = 0;
  refusal: Refusal | null = null;
  /** One kind a field. */
  kinds = new Uint8Array(FIRST_FIELDS);

  /** nameStart (also where the line starts), nameEnd, valueStart, valueEnd; the value is without the white space around it. */
  private offsets = new Uint16Array(FIRST_FIELDS * 4);
  private phase = LINE_START;
  private position = 0;

  constructor(private readonly maxFields: number) {}

  /** Forgets the last block; the next begins at this offset from `base`. */
  begin(offset: number): void {
    this.count = 0;
    this.start = offset;
    this.end = offset;
    this.seen = 0;
    this.repeated = 0;
    this.refusal = null;
    this.phase = LINE_START;
    this.position = offset;
  }

  nameStart(field: number): number {
    return this.offsets[field * 4]!;
  }
  nameEnd(field: number): number {
    return this.offsets[field * 4 + 1]!;
  }
  valueStart(field: number): number {
    return this.offsets[field * 4 + 2]!;
  }
  valueEnd(field: number): number {
    return this.offsets[field * 4 + 3]!;
  }

  /** Where the line after this field's starts. */
  lineEnd(field: number): number {
    return field + 1 < this.count ? this.offsets[field * 4 + 4]! : this.end;
  }

  /** The first field of this kind, or -1. */
  indexOf(kind: FieldKind): number {
    if ((this.seen & (1 << kind)) === 0) return -1;
    // Not TypedArray.indexOf: the call costs more than the few steps.
    for (let field = 0; field < this.count; field++) if (this.kinds[field] === kind) return field;
    return -1;
  }

  /**
   * Goes on in `bytes[base + …, end)`, `end − base` at most 65535.
   * @returns the index in `bytes` after the empty line, {@link NEED_MORE} or {@link REFUSED}
   */
  scan(bytes: Uint8Array, base: number, end: number): number {
    let offsets = this.offsets;
    const token = TOKEN;
    let p = base + this.position;
    let phase = this.phase;
    let slot = this.count * 4;
    for (;;) {
      if (phase === LINE_START) {
        if (p === end) break;
        const first = bytes[p]!;
        if (first === CR) {
          if (p + 1 === end) break;
          if (bytes[p + 1] !== LF) return this.refuse(REFUSALS.bareCarriageReturn);
          this.end = p - base;
          return p + 2;
        }
        if (TOKEN[first] === 0) return this.refuse(lineStartRefusal(first, this.count));
        if (this.count === this.maxFields) return this.refuse(REFUSALS.tooManyFields);
        if (this.count === this.kinds.length) {
          this.grow();
          offsets = this.offsets;
        }
        offsets[slot] = p - base;
        phase = NAME;
      }
      if (phase === NAME) {
        while (p < end && token[bytes[p]!] !== 0) p++;
        if (p === end) break;
        if (bytes[p] !== COLON) return this.refuse(nameRefusal(bytes[p]!));
        offsets[slot + 1] = p - base;
        p++;
        phase = BEFORE_VALUE;
      }
      if (phase === BEFORE_VALUE) {
        while (p < end && (bytes[p] === SP || bytes[p] === HTAB)) p++;
        if (p === end) break;
        offsets[slot + 2] = p - base;
        phase = VALUE;
      }
      p = endOfClass(bytes, p, end, FIELD_VALUE);
      // The two bytes of a line end are looked at together: a CR that is the last byte so far stays unread.
      if (p === end || (bytes[p] === CR && p + 1 === end)) break;
      if (bytes[p] !== CR || bytes[p + 1] !== LF) return this.refuse(valueRefusal(bytes[p]!));
      let valueEnd = p;
      const valueStart = base + offsets[slot + 2]!;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      offsets[slot + 3] = valueEnd - base;
      this.add(bytes, base + offsets[slot]!, base + offsets[slot + 1]!);
      slot += 4;
      p += 2;
      phase = LINE_START;
    }
    this.phase = phase;
    this.position = p - base;
    return NEED_MORE;
  }

  private add(bytes: Uint8Array, nameStart: number, nameEnd: number): void {
    const kind = fieldKind(bytes, nameStart, nameEnd);
    this.kinds[this.count++] = kind;
    const bit = 1 << kind;
    this.repeated |= this.seen & bit;
    this.seen |= bit;
  }

  /** Most messages have few fields; a connection that once had many keeps the larger block. */
  private grow(): void {
    const { kinds, offsets } = this;
    this.kinds = new Uint8Array(kinds.length * 2);
    this.kinds.set(kinds);
    this.offsets = new Uint16Array(offsets.length * 2);
    this.offsets.set(offsets);
  }

  private refuse(refusal: Refusal): number {
    this.refusal = refusal;
    return REFUSED;
  }
}

function lineStartRefusal(byte: number, fieldsBefore: number): Refusal {
  if (byte === LF) return REFUSALS.bareLineFeed;
  // White space before the first field (§2.2) is no continuation, but as bad.
  if (byte === SP || byte === HTAB) return fieldsBefore > 0 ? REFUSALS.obsoleteFold : REFUSALS.fieldName;
  return REFUSALS.fieldName;
}

function nameRefusal(byte: number): Refusal {
  if (byte === SP || byte === HTAB) return REFUSALS.spaceBeforeColon;
  return byte === LF ? REFUSALS.bareLineFeed : REFUSALS.fieldName;
}

function valueRefusal(byte: number): Refusal {
  if (byte === CR) return REFUSALS.bareCarriageReturn;
  return byte === LF ? REFUSALS.bareLineFeed : REFUSALS.fieldValue;
}
