import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A forgotten `.only` would drop every other test of its file without a word.
    allowOnly: false,
    // Also on two cores: most tests wait for a process, a fault or a timer, and one worker would leave them idle.
    maxWorkers: 2,
    reporters: ['default', './test/security/print-checks.ts'],
    projects: [
      {
        test: {
          name: 'quick',
          include: ['src/**/*.test.ts', 'test/structure/**/*.test.ts'],
          // Thousands of drawn cases take long where others are at work.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          // Needs the packages of `npm ci --prefix deploy/aws`.
          name: 'aws',
          include: ['deploy/aws/test/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'services',
          include: ['test/**/*.test.ts'],
          exclude: ['test/structure/**'],
          globalSetup: ['test/support/provide-services.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // What is waited for comes by itself, sometimes after a pause that is drawn by lot.
          expect: { poll: { timeout: 30_000 } },
        },
      },
    ],
  },
})
