import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = dirname(fileURLToPath(import.meta.url));

/**
 * Runs the compiled specs, as Node runs the compiled programs: a worker loads each module once, where jest's own
 * runner would compile all of Nest and TypeORM anew for each spec. So specs share modules, and what they keep:
 * what a spec changes in its process it puts back.
 * @type {import('jest').Config}
 */
export default {
  rootDir: dirname(tools),
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test-e2e'],
  testMatch: ['**/dist/**/*.spec.js'],
  runner: ['jest-light-runner', { runtime: 'child_process' }],
  setupFilesAfterEnv: [join(tools, 'test-limits.mjs')],
  transform: {},
  maxWorkers: 2,
};
