import { bytesOf, type Message, messagesOf, numberOf, readProtobuf } from './read-protobuf.js';

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/** A span as a receiver has it. Ids are hex digits. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** '' of a root. */
  parentSpanId: string;
  tracestate: string;
  name: string;
  kind: (typeof KINDS)[number];
  /** Nanoseconds since 1970. */
  startedAt: bigint;
  endedAt: bigint;
  attributes: Record<string, unknown>;
  failed: boolean;
  /** Of whoever has sent it. */
  resource: Record<string, unknown>;
}

/** The spans of an `ExportTraceServiceRequest` (opentelemetry/proto/collector/trace/v1). */
export function readSpans(body: Buffer): ReceivedSpan[] {
  return messagesOf(readProtobuf(body), 1).flatMap((resourceSpans) => {
    const [resource] = messagesOf(resourceSpans, 1);
    const attributes = resource === undefined ? {} : attributesOf(resource, 1);
    return messagesOf(resourceSpans, 2).flatMap((scopeSpans) => messagesOf(scopeSpans, 2).map((span) => readSpan(span, attributes)));
  });
}

function readSpan(span: Message, resource: Record<string, unknown>): ReceivedSpan {
  const [status] = messagesOf(span, 15);
  return {
    traceId: bytesOf(span, 1).toString('hex'),
    spanId: bytesOf(span, 2).toString('hex'),
    tracestate: bytesOf(span, 3).toString(),
    parentSpanId: bytesOf(span, 4).toString('hex'),
    name: bytesOf(span, 5).toString(),
    kind: KINDS[Number(numberOf(span, 6))] ?? 'unspecified',
    startedAt: numberOf(span, 7),
    endedAt: numberOf(span, 8),
    attributes: attributesOf(span, 9),
    failed: status !== undefined && numberOf(status, 3) === 2n,
    resource,
  };
}

export function attributesOf(message: Message, field: number): Record<string, unknown> {
  return Object.fromEntries(messagesOf(message, field).map((pair) => [bytesOf(pair, 1).toString(), anyValue(messagesOf(pair, 2)[0])]));
}

export function anyValue(value: Message | undefined): unknown {
  if (value === undefined) return null;
  if (value.has(1)) return bytesOf(value, 1).toString();
  if (value.has(2)) return numberOf(value, 2) === 1n;
  if (value.has(3)) return Number(BigInt.asIntN(64, numberOf(value, 3)));
  if (value.has(4)) return Buffer.from(BigUint64Array.of(numberOf(value, 4)).buffer).readDoubleLE();
  return null;
}
