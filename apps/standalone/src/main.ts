// npm start: everything in one process on loopback; state in FABRIC_DATA_DIR. Signals are heard before anything else is loaded:
// the first start takes seconds, and one that is stopped meanwhile puts away what it has opened, as any other.
// A second one changes nothing: Ctrl-C under npm comes twice, from the terminal and from npm.
const stopped = new Promise<string>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
});
const { runStandalone } = await import('./run-standalone.js');
await runStandalone(stopped);
