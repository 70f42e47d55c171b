export { readSettings, SettingsError } from './config/read-settings.js';
export type { ProxyLog, ProxyOptions, RunningProxy } from './start-proxy.js';
export { startProxy } from './start-proxy.js';
export { TRACED_PROXY } from './tracing/traced-proxy.js';
