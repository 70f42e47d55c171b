/** Of the file system that PGlite brings along: it throws plain objects with WASI's numbers, without a message. */
const WASI_ERRORS: Record<number, string> = {
  2: 'permission denied',
  29: 'input/output error',
  51: 'no space left on device',
  69: 'read-only file system',
};

/** The folder of the settings cannot be made, read or written. */
export class DataFolderError extends Error {
  readonly code = 'data_folder_unusable';

  constructor(
    readonly folder: string,
    cause: unknown,
  ) {
    super(`${folder} cannot be used: ${reasonOf(cause)}; FABRIC_DATA_DIR names another folder`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  const { message, name, errno } = (cause ?? {}) as { message?: unknown; name?: unknown; errno?: unknown };
  if (message) return String(message);
  return WASI_ERRORS[Number(errno)] ?? `${name ?? 'unknown error'} ${errno ?? ''}`.trim();
}
