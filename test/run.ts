// `npm test`: everything that must hold. Its last line is `N passed, N failed`, alone, whatever happened before.
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

import { startVitest } from 'vitest/node'

import { countResults, type Count } from './support/count-results.ts'
import { prepareServices } from './support/services/obtain-services.ts'
import { ServiceFailure } from './support/services/service-failure.ts'
import { servicesOfTests } from './support/provide-services.ts'

const root = join(import.meta.dirname, '..')
const programs = join(root, 'node_modules', '.bin')

const checks = [
  // A package of its own: whoever runs the service or its tests alone does without it.
  { name: 'packages of deploy/aws', command: 'npm', words: ['ci', '--prefix', 'deploy/aws'] },
  { name: 'types', command: 'tsc', words: [] },
  { name: 'types of deploy/aws', command: 'tsc', words: ['-p', 'deploy/aws'] },
  { name: 'lint', command: 'oxlint', words: ['--type-aware', '--deny-warnings'] },
  { name: 'format', command: 'oxfmt', words: ['--check', '.'] },
]

process.chdir(root)
const count = await runEverything()
const isGood = count.failed === 0 && count.passed > 0
// A leftover of some test may still hold the process open; the result does not wait for it.
process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`, () => process.exit(isGood ? 0 : 1))

async function runEverything(): Promise<Count> {
  if (!(await areServicesAtHand())) return { passed: 0, failed: 1 }

  const total = { passed: 0, failed: 0 }
  for (const check of checks) {
    const isPassed = await runCheck(check)
    console.log(`${isPassed ? '✓' : '✗'} ${check.name}`)
    total[isPassed ? 'passed' : 'failed'] += 1
  }
  const tests = await runTests()
  return { passed: total.passed + tests.passed, failed: total.failed + tests.failed }
}

/** Told first, before anybody has waited for the rest. */
async function areServicesAtHand(): Promise<boolean> {
  try {
    await prepareServices(servicesOfTests, process.env)
    return true
  } catch (error) {
    console.error(error instanceof ServiceFailure ? error.message : error)
    return false
  }
}

function runCheck({ command, words }: { command: string; words: string[] }): Promise<boolean> {
  const path = [programs, process.env['PATH'] ?? ''].join(delimiter)
  const env = { ...process.env, PATH: path }
  return new Promise((resolve) => {
    spawn(command, words, { env, stdio: ['ignore', 'inherit', 'inherit'] })
      .once('error', (error) => {
        console.error(error.message)
        resolve(false)
      })
      .once('exit', (code) => resolve(code === 0))
  })
}

async function runTests(): Promise<Count> {
  const tests = await runVitest()
  // Vitest fails without a failed test when it could not begin: a setup that threw, no file found.
  const isUncounted = tests.failed === 0 && (process.exitCode ?? 0) !== 0
  return isUncounted ? { ...tests, failed: 1 } : tests
}

async function runVitest(): Promise<Count> {
  try {
    const vitest = await startVitest([], { root, run: true, watch: false })
    const { failures, ...tests } = countResults(vitest.state.getTestModules(), vitest.state.getUnhandledErrors())
    // Once more at the end, where whoever sees only that much of the output finds them.
    for (const failure of failures) console.log(`✗ ${failure}`)
    return tests
  } catch (error) {
    console.error(error)
    return { passed: 0, failed: 1 }
  }
}
