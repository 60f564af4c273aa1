import type { Reporter, TestModule } from 'vitest/node'

import { type Check, checks, numberOf } from './check.ts'

/** Prints the list of checks with their results at the end of a run: the whole list if all ran, else those that ran. */
export default class PrintChecks implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = printChecks(modules.map((module) => ({ path: module.relativeModuleId, tests: testsOf(module) })))
    if (lines.length > 0) process.stdout.write(`\nThe checks of test/security/README.md\n${lines.join('\n')}\n\n`)
  }
}

export type RanFile = { path: string; tests: { fullName: string; isPassed: boolean }[] }

/** A line for each check that ran; after a full run, also for the checks without tests, with the reason. */
export function printChecks(files: RanFile[]): string[] {
  const ran = files.filter(({ path }) => path.startsWith('test/security/checks/'))
  const ranNumbers = new Set(ran.map(({ path }) => numberOf(path)))
  const isWhole = checks.every(({ number, whyNotHere }) => whyNotHere !== '' || ranNumbers.has(number))
  return checks.flatMap((each) => {
    const ofCheck = ran.filter(({ path }) => numberOf(path) === each.number)
    if (ofCheck.length > 0) return [printRan(each, ofCheck)]
    return isWhole ? [`–  ${nameOf(each)} (not here: ${each.whyNotHere})`] : []
  })
}

/** Only tests below the check's own name count for it. */
function printRan(check: Check, files: RanFile[]): string {
  const tests = files.flatMap((file) => file.tests)
  const ofName = tests.filter(({ fullName }) => fullName.startsWith(`${nameOf(check)} > `))
  const failed = tests.length - ofName.filter(({ isPassed }) => isPassed).length
  const isGood = tests.length > 0 && failed === 0
  return `${isGood ? '✓' : '✗'}  ${nameOf(check)} (${isGood ? `${tests.length} tests` : `${failed} of ${tests.length} tests failed`})`
}

/** The name that `describeCheck` writes. */
function nameOf({ number, sentence }: Check): string {
  return `${number}. ${sentence}`
}

function testsOf(module: TestModule): RanFile['tests'] {
  return [...module.children.allTests()].map((test) => ({
    fullName: test.fullName,
    isPassed: test.result().state === 'passed',
  }))
}
