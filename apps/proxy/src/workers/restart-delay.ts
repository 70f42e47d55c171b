const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;

/** How long to wait before a worker is started anew. `failures`: how many in a row have ended soon after their start; 0: the last one had served for long. */
export function restartDelayMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
}
