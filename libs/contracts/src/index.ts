export * from './measurement-frame.js';
export type * from './messages.js';
export { appKey, type BusNames, busNames, DEFAULT_PREFIX, MAX_REJECTED_APPS, MAX_STORED_FRAMES, REPORT_TTL_MS } from './names.js';
export { parseMeasurementFrame } from './parse-measurement-frame.js';
export { parseProxyReport } from './parse-proxy-report.js';
export { parseRouteChange, parseRouteDocument } from './parse-route-document.js';
export { readPlainUrl } from './plain-url.js';
export type { Parsed } from './read.js';
