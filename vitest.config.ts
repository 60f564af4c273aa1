import { join } from 'node:path'

import { defineConfig } from 'vitest/config'

import StartHarnessesFirst from './test/start-harnesses-first.ts'
import { deepFiles, deployFiles, harnesses } from './test/suites.ts'

// A test that waits for a condition waits this long before it fails. The condition can be late on a busy machine.
const expectPatiently = { poll: { timeout: 30_000 } }

const withServices = {
  globalSetup: ['test/support/run/provide-services.ts'],
  // Only a test that hangs takes as long, also where other work keeps the processors busy.
  testTimeout: 120_000,
  // Tests that install packages wait for each other, up to five minutes.
  hookTimeout: 360_000,
  expect: expectPatiently,
}

export default defineConfig({
  test: {
    // A forgotten `.only` would drop the other tests of its file without a warning.
    allowOnly: false,
    // Files share the modules of their worker, so that each worker loads them once. No module keeps state between files.
    isolate: false,
    // Twice the cores of the smallest machine: most tests wait for a process, a fault or a timer.
    maxWorkers: 4,
    // Also for the services and commands that tests start: half the time of a start goes into compiling.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled-by-tests') },
    sequence: { sequencer: StartHarnessesFirst },
    reporters: ['default', './test/security/print-checks.ts'],
    projects: [
      {
        test: {
          name: 'quick',
          include: ['src/**/*.test.ts', 'test/structure/**/*.test.ts'],
          // Thousands of generated cases take long on a busy machine.
          testTimeout: 60_000,
          expect: expectPatiently,
        },
      },
      {
        test: {
          ...withServices,
          name: 'services',
          include: ['test/**/*.test.ts'],
          exclude: ['test/structure/**', ...deepFiles, ...deployFiles],
          provide: { isDeep: false },
        },
      },
      { test: { ...withServices, name: 'deep', include: [...harnesses, ...deepFiles], provide: { isDeep: true } } },
      {
        test: {
          ...withServices,
          // Needs the packages of `npm ci --prefix deploy/aws`.
          name: 'deploy',
          include: deployFiles,
        },
      },
    ],
  },
})
