import type { CompiledMirror, CompiledVersion } from './compiled.js';
import { DEFAULT_MIRROR_BODY_BYTES, type Mirror } from './routes.js';
import { TOTAL_BP } from './weights.js';

/** Whether this request is copied. One that `served` it already, the very version that copies go to, is not sent there twice. */
export function shouldMirror<I>(mirror: CompiledMirror<I> | null, served: number, random: () => number): mirror is CompiledMirror<I> {
  return mirror !== null && mirror.version.version !== served && Math.floor(random() * TOTAL_BP) < mirror.shareBp;
}

/** `null` where nothing is to be copied, or nobody is there to take it: an answer that nobody waits for is not worth an error. */
export function compileMirror<I>(
  mirror: Mirror | undefined,
  service: string,
  versions: readonly CompiledVersion<I>[],
): CompiledMirror<I> | null {
  if (mirror === undefined) return null;
  const services = mirror.services ?? {};
  const target = (Object.hasOwn(services, service) ? services[service] : undefined) ?? mirror;
  const version = versions.find((one) => one.version === target.version);
  if (target.shareBp === 0 || version === undefined || version.instances.length === 0) return null;
  return { version, shareBp: target.shareBp, maxBodyBytes: target.maxBodyBytes ?? DEFAULT_MIRROR_BODY_BYTES };
}
