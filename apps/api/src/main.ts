// npm run api: one control-plane replica. Signals are heard before anything else is loaded: the first process of a container
// has no default for them, so one that came earlier would be lost, and the container killed for it.
// A second one changes nothing: Ctrl-C under npm comes twice, from the terminal and from npm.
const stopped = new Promise<string>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
});
const { runApi } = await import('./run-api.js');
await runApi(stopped);
// All is closed. A receiver of traces that does not answer is not waited for.
process.exit();
