import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Sources are compiled on the fly; test-e2e starts the compiled programs. @type {import('jest').Config} */
export default {
  rootDir: dirname(dirname(fileURLToPath(import.meta.url))),
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test-e2e'],
  testMatch: ['**/src/**/*.spec.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^@app-fabric/([a-z]+)/testing$': ['<rootDir>/libs/$1/src/testing/index.ts'],
    '^@app-fabric/([a-z]+)$': ['<rootDir>/libs/$1/src/index.ts', '<rootDir>/apps/$1/src/index.ts'],
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  maxWorkers: 2,
  // Modules are never given up by a worker that has run them: without a new one now and then, most of its time goes into collecting garbage.
  workerIdleMemoryLimit: '600MB',
  // Only so that nothing waits for ever: a hook that opens an embedded database takes seconds of computing, on a busy machine many times that.
  testTimeout: 120_000,
};
