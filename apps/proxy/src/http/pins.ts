import type { RequestFields } from './fields.js';
import { isName } from './parse-target.js';

/** Which version a request asks for by header; both absent when it does not. */
export interface HeaderPins {
  /** `X-App-Version`: a version or an alias. `latest` asks for nothing, as in the path. */
  versionHeader?: string;
  /** `X-Artifact-Version`. */
  artifactHeader?: string;
}

export const NO_PINS: HeaderPins = {};
const NONE: PinResult = { ok: true, pins: NO_PINS };

export type PinResult = { ok: true; pins: HeaderPins } | { ok: false; detail: string };

/** Semantic versions, with their `+build`. */
const ARTIFACT_VERSION = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;

/**
 * Reads the version pins. A header may be repeated with one and the same value; two different values contradict each other, and a
 * request is never sent to a version by guess.
 */
export function readPins(fields: RequestFields): PinResult {
  const version = single(fields, 'x-app-version', isName);
  if (version instanceof Error) return { ok: false, detail: version.message };
  // The first pin that applies decides; what stands behind it is not looked at.
  if (version !== undefined && version !== 'latest') return { ok: true, pins: { versionHeader: version } };
  const artifactVersion = single(fields, 'x-artifact-version', isArtifactVersion);
  if (artifactVersion instanceof Error) return { ok: false, detail: artifactVersion.message };
  return artifactVersion === undefined ? NONE : { ok: true, pins: { artifactHeader: artifactVersion } };
}

function isArtifactVersion(text: string): boolean {
  return ARTIFACT_VERSION.test(text);
}

function single(fields: RequestFields, name: string, valid: (text: string) => boolean): string | undefined | Error {
  const values = fields.values(name);
  const [first] = values;
  if (first === undefined) return undefined;
  if (values.some((value) => value !== first)) return new Error(`The header ${name} is given several times with different values.`);
  return valid(first) ? first : new Error(`The header ${name} does not hold a version.`);
}
