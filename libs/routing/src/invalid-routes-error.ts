/** Routes that contradict themselves. The whole app is refused. */
export class InvalidRoutesError extends Error {
  readonly code = 'invalid_routes';
  override readonly name = 'InvalidRoutesError';
}
