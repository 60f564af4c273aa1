import type { TestModule } from 'vitest/node'

export type Count = { passed: number; failed: number }

/**
 * Counts a finished run so that nothing is lost: a test that did not run counts as failed, and so does each file or
 * group that broke outside its tests, and each error that nobody caught.
 */
export function countResults(modules: TestModule[], unhandledErrors: unknown[]): Count & { notRun: string[] } {
  const notRun: string[] = []
  let passed = 0
  let failed = unhandledErrors.length
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') passed += 1
      else failed += 1
      if (state === 'skipped' || state === 'pending') notRun.push(`${module.relativeModuleId} > ${test.fullName}`)
    }
    for (const group of [module, ...module.children.allSuites()]) {
      if (group.errors().length > 0) failed += 1
    }
  }
  return { passed, failed, notRun }
}
