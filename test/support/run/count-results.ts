import { stripVTControlCharacters } from 'node:util'

import type { TestCase, TestModule } from 'vitest/node'

export type Count = { passed: number; failed: number }

/**
 * Counts a finished run so that nothing is lost: a test that did not run counts as failed, and so does each file or
 * group that broke outside its tests, and each uncaught error. `failures`: a line for each of them.
 */
export function countResults(modules: TestModule[], unhandledErrors: unknown[]): Count & { failures: string[] } {
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  const failed = tests.filter((test) => test.result().state !== 'passed')
  const failures = [
    ...failed.map((test) => `${test.module.relativeModuleId} > ${test.fullName}: ${whyFailed(test)}`),
    ...modules.flatMap(brokenOutside),
    ...unhandledErrors.map((error) => `an error that nobody caught: ${firstLine(error)}`),
  ]
  return { passed: tests.length - failed.length, failed: failures.length, failures }
}

function whyFailed(test: TestCase): string {
  const { state, errors } = test.result()
  return state === 'failed' ? firstLine(errors?.[0]) : 'not run, which counts as failed'
}

function brokenOutside(module: TestModule): string[] {
  const name = module.relativeModuleId
  const groups = [...module.children.allSuites()].map((group) => ({ name: `${name} > ${group.fullName}`, group }))
  return [{ name, group: module }, ...groups]
    .filter(({ group }) => group.errors().length > 0)
    .map((each) => `${each.name}: ${firstLine(each.group.errors()[0])}`)
}

/** A thrown value may not be an error. */
function firstLine(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error
  return stripVTControlCharacters(String(message)).trim().split('\n', 1)[0] ?? ''
}
