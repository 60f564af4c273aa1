import { defineConfig } from 'vitest/config'

// What is waited for comes by itself, sometimes after a pause that is drawn by lot, and late where others are at work.
const expectPatiently = { poll: { timeout: 30_000 } }

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
          expect: expectPatiently,
        },
      },
      {
        test: {
          // Needs the packages of `npm ci --prefix deploy/aws`.
          name: 'aws',
          include: ['deploy/aws/test/**/*.test.ts'],
          testTimeout: 120_000,
          expect: expectPatiently,
        },
      },
      {
        test: {
          name: 'services',
          include: ['test/**/*.test.ts'],
          exclude: ['test/structure/**'],
          globalSetup: ['test/support/provide-services.ts'],
          testTimeout: 60_000,
          // Programs that are installed for a test wait for each other, up to five minutes.
          hookTimeout: 360_000,
          expect: expectPatiently,
        },
      },
    ],
  },
})
