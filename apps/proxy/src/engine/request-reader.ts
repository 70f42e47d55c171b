import type { Problem, ProblemCode } from '../http/problems.js';
import { REFUSED } from '../http1/field-block.js';
import { HeadInput } from '../http1/head-input.js';
import type { HeadLimits } from '../http1/limits.js';
import { RequestHead } from '../http1/request-head.js';
import type { Refusal } from '../http1/scan-error.js';
import type { RequestHead as GatewayRequest } from '../upstream/forwarder.js';
import { ScannedFields } from './scanned-fields.js';

/** Reads the heads of a client's requests, one after the other. Made once a client connection. */
export class RequestReader {
  readonly head: RequestHead;
  /** What the gateway is told of the last head that was whole. */
  readonly request: GatewayRequest;
  /** Of a head that was REFUSED. */
  problem: Problem | null = null;
  private readonly input: HeadInput;
  private readonly fields: ScannedFields;

  constructor({ headBytes, targetBytes }: HeadLimits, remoteAddress: string) {
    this.head = new RequestHead({ headBytes, targetBytes });
    this.input = new HeadInput(headBytes);
    this.fields = new ScannedFields(this.head.fields);
    this.request = { method: '', target: '', fields: this.fields, remoteAddress, encrypted: false, asked: null };
  }

  /** The text of that head. */
  get text(): string {
    return this.fields.text;
  }

  /** The last request is done with. */
  begin(): void {
    this.head.begin();
    this.input.begin();
  }

  /** @returns the index behind the head if it ends in `chunk[start, end)`, NEED_MORE, or REFUSED with a {@link problem} */
  read(chunk: Buffer, start: number, end: number): number {
    const { head, input, request } = this;
    const next = input.read(head, chunk, start, end);
    if (next === REFUSED) {
      const { status, detail } = head.refusal as Refusal;
      this.problem = { code: CODES[status], detail };
      // The head is not whole: nothing of it counts, least of all its method.
      head.method = '';
    }
    if (next < 0) return next;
    const text = input.text(head);
    this.fields.text = text;
    if (input.repeated) return next;
    request.method = head.method;
    request.target = text.slice(head.targetStart, head.targetEnd);
    request.asked = null;
    return next;
  }
}

const CODES: Record<Refusal['status'], ProblemCode> = {
  400: 'bad_request',
  414: 'uri_too_long',
  417: 'expectation_failed',
  431: 'header_too_large',
  501: 'method_not_supported',
  505: 'version_not_supported',
};
