import { bytesOf, messagesOf, numberOf, readProtobuf } from './read-protobuf.js';
import { anyValue, attributesOf } from './read-spans.js';

/** A log line as a receiver has it. Ids are hex digits, '' where there is none. */
export interface ReceivedLine {
  /** Nanoseconds since 1970. */
  at: bigint;
  severity: number;
  severityText: string;
  body: unknown;
  attributes: Record<string, unknown>;
  traceId: string;
  spanId: string;
  /** Of the logger. */
  scope: string;
  /** Of whoever has sent it. */
  resource: Record<string, unknown>;
}

/** The lines of an `ExportLogsServiceRequest` (opentelemetry/proto/collector/logs/v1). */
export function readLogLines(body: Buffer): ReceivedLine[] {
  return messagesOf(readProtobuf(body), 1).flatMap((resourceLogs) => {
    const [resource] = messagesOf(resourceLogs, 1);
    return messagesOf(resourceLogs, 2).flatMap((scopeLogs) =>
      messagesOf(scopeLogs, 2).map(
        (line): ReceivedLine => ({
          at: numberOf(line, 1),
          severity: Number(numberOf(line, 2)),
          severityText: bytesOf(line, 3).toString(),
          body: anyValue(messagesOf(line, 5)[0]),
          attributes: attributesOf(line, 6),
          traceId: bytesOf(line, 9).toString('hex'),
          spanId: bytesOf(line, 10).toString('hex'),
          scope: messagesOf(scopeLogs, 1).map((scope) => bytesOf(scope, 1).toString())[0] ?? '',
          resource: resource === undefined ? {} : attributesOf(resource, 1),
        }),
      ),
    );
  });
}
