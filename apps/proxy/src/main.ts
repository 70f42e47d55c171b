// npm run proxy: one proxy. Signals are heard before anything else is loaded: the first process of a container
// has no default for them, so one that came earlier would be lost, and the container killed for it.
// A second one changes nothing: Ctrl-C under npm comes twice, from the terminal and from npm.
const stopped = new Promise<string>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
});
const { runProxy } = await import('./run-proxy.js');
await runProxy(stopped);
