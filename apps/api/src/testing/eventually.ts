import { setTimeout as delay } from 'node:timers/promises';

const DEADLINE_MS = 30_000;
const STEP_MS = 20;

/** Polls until `look` no longer throws; throws its last error when it never stops to. */
export async function eventually<T>(look: () => Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(STEP_MS);
    }
  }
}
