import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A forgotten `.only` would drop every other test of its file without a word.
    allowOnly: false,
    projects: [
      {
        test: {
          name: 'quick',
          include: ['src/**/*.test.ts', 'test/structure/**/*.test.ts'],
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
        },
      },
    ],
  },
})
