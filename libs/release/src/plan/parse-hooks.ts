import { type DocumentReader, given, join } from './document-reader.js';
import type { Hook, HookPoint, StageHooks } from './plan.js';
import { HOOK_TIMEOUT_MS } from './stage-defaults.js';
import { isWebhookUrl } from './webhook-url.js';

const POINTS = ['before', 'afterPromotion', 'afterZeroing', 'afterRollback'] as const satisfies HookPoint[];
const MAX_HOOKS = 5;
const MAX_TIMEOUT_MS = 3_600_000;
const NO_HOOK: Hook = { type: 'flow', name: '', timeoutMs: 1 };

/** `{before: [{webhook: "https://…", timeout?: "10s"}, {flow: "name"}], …}` */
export function parseHooks(reader: DocumentReader, value: unknown, path: string): StageHooks {
  const fields = reader.object(value, path, POINTS);
  const hooks: StageHooks = {};
  for (const point of POINTS) {
    if (!given(fields[point])) continue;
    hooks[point] = reader.list(fields[point], join(path, point), MAX_HOOKS, (hook, here) => parseHook(reader, hook, here));
  }
  return hooks;
}

function parseHook(reader: DocumentReader, value: unknown, path: string): Hook {
  const { webhook, flow, timeout } = reader.object(value, path, ['webhook', 'flow', 'timeout']);
  const timeoutMs = given(timeout) ? reader.time(timeout, join(path, 'timeout'), MAX_TIMEOUT_MS) : HOOK_TIMEOUT_MS;
  if (given(webhook) === given(flow)) {
    reader.refuse(path, 'must have either a webhook or a flow');
    return NO_HOOK;
  }
  if (given(webhook)) {
    return {
      type: 'webhook',
      url: reader.text(webhook, join(path, 'webhook'), isWebhookUrl, 'an http or https URL, without user, password and fragment'),
      timeoutMs,
    };
  }
  return {
    type: 'flow',
    name: reader.name(flow, join(path, 'flow'), 'the name of a flow'),
    timeoutMs,
  };
}
