import { type ForwardedInput, forwardedStart } from './forwarded.js';
import { hopsOf, MAX_HOPS } from './hops.js';
import { sentRequestId } from './ids.js';
import { authorityOf, originForm, parseTarget, type TargetResult } from './parse-target.js';
import { type PinResult, readPins } from './pins.js';

interface AskedSettings {
  /** As returned by `parseBasePath`. */
  readonly basePath: string;
  readonly trustForwarded: boolean;
}

/**
 * Everything that the gateway reads out of a request's head. It depends on nothing but the head, the client's address and the settings, and so holds for the
 * next head with the same bytes on the same connection; what depends on the table, on the time or on chance is not in here.
 */
export class Asked {
  /** The client's own; `null`: it needs one. */
  readonly requestId: string | null;
  /** It has come through a fabric too often. */
  readonly isLoop: boolean;
  /** Host (and port) that it is for. */
  readonly authority: string;
  /** Path and query; `null`: the target names no path. */
  readonly path: string | null;
  /** Without the query. */
  readonly plainPath: string;
  /** As a path of the fabric. */
  readonly target: TargetResult;
  /** Of the headers; what the path pins comes first. */
  readonly pins: PinResult;
  /** What the instance is told of it, where it was reached by a path of the fabric. */
  readonly sharedLines: string;
  /** See `forwardedStart`. */
  readonly #forwarded: string;

  constructor(head: ForwardedInput & { target: string }, { basePath, trustForwarded }: AskedSettings) {
    const { fields, target } = head;
    this.requestId = sentRequestId(fields.values('x-request-id'));
    this.isLoop = hopsOf(fields) >= MAX_HOPS;
    this.authority = authorityOf(target, fields.value('host'));
    this.path = originForm(target);
    const mark = this.path?.indexOf('?') ?? -1;
    this.plainPath = (mark < 0 ? this.path : this.path?.slice(0, mark)) ?? '';
    this.target = parseTarget(target, basePath);
    this.pins = readPins(fields);
    this.#forwarded = forwardedStart(head, trustForwarded);
    this.sharedLines = this.target.ok ? this.linesBehind(this.target.target.prefix) : '';
  }

  /** What the instance is told of it. @param prefix what was cut off the path */
  linesBehind(prefix: string): string {
    return `${this.#forwarded}${prefix}\r\n`;
  }
}
