export type RuntimeErrorCode =
  | 'runtime_in_use'
  | 'runtime_closed'
  | 'invalid_id'
  | 'instance_exists'
  | 'instance_stopped'
  | 'stop_failed'
  | 'state_not_written'
  | 'bundle_unavailable'
  | 'bundle_unusable'
  | 'program_not_started'
  | 'no_free_port';

/** An operating error of the process runtime; `code` is stable. */
export class RuntimeError extends Error {
  constructor(
    readonly code: RuntimeErrorCode,
    message: string,
    options: {
      cause?: unknown;
      /** May well work a little later: worth another try. */
      transient?: boolean;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RuntimeError';
    this.transient = options.transient ?? false;
  }

  readonly transient: boolean;
}

/** For a reason that a human reads. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
