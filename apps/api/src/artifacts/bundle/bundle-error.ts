/** Why a bundle is refused. `bundle_invalid`: it cannot be read; `bundle_unsafe`: what it would do; `bundle_too_large`: a limit. */
export class BundleError extends Error {
  constructor(
    readonly code: 'bundle_invalid' | 'bundle_unsafe' | 'bundle_too_large',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'BundleError';
  }
}

export interface BundleLimits {
  unpackedBytes: number;
  entries: number;
  pathLength: number;
  depth: number;
}

export const BUNDLE_LIMITS: BundleLimits = { unpackedBytes: 1_073_741_824, entries: 20_000, pathLength: 1_024, depth: 64 };
