// Gives each test and each hook its time limit, which this runner leaves out, and maps stack traces to the sources.
import { addEventHandler } from 'jest-circus';

/** Only so that nothing waits for ever: a hook that opens an embedded database takes seconds of computing, on a busy machine many times that. */
const LIMIT_MS = 120_000;

process.setSourceMapsEnabled(true);

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
