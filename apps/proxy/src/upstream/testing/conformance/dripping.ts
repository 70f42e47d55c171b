/** Calls `send` every so many milliseconds while `work` is on its way, and not after it, however it ends. */
export async function dripping(send: () => unknown, everyMs: number, work: () => Promise<unknown>): Promise<void> {
  const drip = setInterval(send, everyMs);
  try {
    await work();
  } finally {
    clearInterval(drip);
  }
}
