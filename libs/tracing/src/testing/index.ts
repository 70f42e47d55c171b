export { type Behaviour, OtlpReceiver } from './otlp-receiver.js';
export type { ReceivedLine } from './read-log-lines.js';
export type { ReceivedSpan } from './read-spans.js';
export { type RecordedSpan, RecordingTracing } from './recording-tracing.js';
