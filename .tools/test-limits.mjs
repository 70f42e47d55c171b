// Gives tests, hooks and workers the time limits that this runner leaves out, and maps stack traces to the sources.
import { addEventHandler } from 'jest-circus';

/** Only so that nothing waits for ever: a hook that opens an embedded database takes seconds of computing, on a busy machine many times that. */
const LIMIT_MS = 120_000;

/** After the last test. */
const END_MS = 5_000;

process.setSourceMapsEnabled(true);

// A test that fails may leave something open, for which its worker would stay, and the run with it.
process.once('disconnect', () => {
  setTimeout(() => {
    process.stderr.write('a worker is ended: some test has left something open\n');
    process.exit();
  }, END_MS).unref();
});

addEventHandler((event, { currentDescribeBlock }) => {
  const added = { add_test: currentDescribeBlock.children, add_hook: currentDescribeBlock.hooks }[event.name]?.at(-1);
  if (added?.fn) added.fn = limited(added.fn, event.timeout ?? LIMIT_MS);
});

function limited(run, limitMs) {
  return async () => {
    let timer;
    const tooLong = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${limitMs} ms`)), limitMs);
    });
    try {
      await Promise.race([run(), tooLong]);
    } finally {
      clearTimeout(timer);
    }
  };
}
