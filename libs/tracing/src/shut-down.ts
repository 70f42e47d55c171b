/** How long the end of a program waits for the receiver. */
const CLOSE_MS = 1_500;

/** Sends what waits, as far as there is time. Never rejects. */
export async function shutDown(provider: { shutdown(): Promise<void> }): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([provider.shutdown().catch(() => undefined), late]);
  clearTimeout(timer);
}
