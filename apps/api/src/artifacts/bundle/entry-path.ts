import { BundleError, type BundleLimits } from './bundle-error.js';

/**
 * The parts of an entry's path below the target folder; empty for the folder itself. Whatever could lead out of it, or mean something
 * else on another system, is refused: absolute paths, `..`, backslashes, drive letters, control characters.
 */
export function entryPath(name: string, limits: BundleLimits): string[] {
  if (name.length > limits.pathLength) throw unsafe(name, `is longer than ${limits.pathLength} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f\\]/.test(name)) throw unsafe(name, 'has a backslash or a control character');
  if (name.startsWith('/')) throw unsafe(name, 'is absolute');
  if (/^[A-Za-z]:/.test(name)) throw unsafe(name, 'begins with a drive letter');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(name, 'leads out of the bundle');
  if (parts.length > limits.depth) throw unsafe(name, `is deeper than ${limits.depth} folders`);
  return parts;
}

/** The parts of the path to which a link at `parts` leads; refused when that is not inside the bundle. */
export function linkTarget(parts: readonly string[], target: string, limits: BundleLimits): string[] {
  const shown = `${parts.join('/')} -> ${target}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (target === '' || target.length > limits.pathLength || /[\x00-\x1f\x7f\\]/.test(target) || target.startsWith('/'))
    throw unsafe(shown, 'leads out of the bundle');
  const reached = parts.slice(0, -1);
  for (const step of target.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') reached.push(step);
    else if (reached.pop() === undefined) throw unsafe(shown, 'leads out of the bundle');
  }
  return reached;
}

export function unsafe(name: string, why: string): BundleError {
  return new BundleError('bundle_unsafe', `${JSON.stringify(name.slice(0, 200))} ${why}.`);
}
