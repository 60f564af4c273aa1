// `npm test`, `npm run test:deep` and `npm run test:deploy`. The last line is always `N passed, N failed`, alone.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'

import { startVitest } from 'vitest/node'

import { countResults, type Count } from './support/run/count-results.ts'
import { makeTemporaryFolder } from './support/run/folder-in-memory.ts'
import { servicesOfTests } from './support/run/provide-services.ts'
import { prepareServices } from './support/services/obtain-services.ts'
import { ServiceFailure } from './support/services/packages/service-failure.ts'
import { listLeftOut } from './suites.ts'

const root = join(import.meta.dirname, '..')
const programs = join(root, 'node_modules', '.bin')

type Check = { name: string; command: string; words: string[] }
/**
 * `before`: must pass before the tests start. `beside`: run while the tests run. `leavesOut`: lists at its end what it
 * did not run. `isInMemory`: its temporary files are in memory if there is room.
 */
type Run = { projects: string[]; before: Check[]; beside: Check[]; leavesOut: boolean; isInMemory: boolean }

const lint = (name: string, ...words: string[]) => ({
  name,
  command: 'oxlint',
  words: ['--type-aware', '--deny-warnings', ...words],
})

/** Before the tests, whose services would otherwise build it at the same time. */
const page = { name: 'build of the web page', command: 'node', words: ['web/build/build-page.ts'] }

const runs: Record<string, Run> = {
  all: {
    projects: ['quick', 'services'],
    // Types and lint of the page need the client.
    before: [page, { name: 'client of the web page', command: 'node', words: ['web/build/generate-client.ts'] }],
    beside: [
      { name: 'types', command: 'tsc', words: [] },
      { name: 'types of the web page', command: 'tsc', words: ['-p', 'web'] },
      lint('lint', '--ignore-pattern', 'deploy/aws'),
      { name: 'format', command: 'oxfmt', words: ['--check', '.'] },
    ],
    leavesOut: true,
    isInMemory: true,
  },
  deep: { projects: ['deep'], before: [], beside: [], leavesOut: false, isInMemory: false },
  deploy: {
    projects: ['deploy'],
    // A separate package that neither the service nor its other tests need.
    before: [page, { name: 'packages of deploy/aws', command: 'npm', words: ['ci', '--prefix', 'deploy/aws'] }],
    beside: [
      { name: 'types of deploy/aws', command: 'tsc', words: ['-p', 'deploy/aws'] },
      lint('lint of deploy/aws', 'deploy/aws'),
    ],
    leavesOut: false,
    // Containers and systemd instances need files on a disk.
    isInMemory: false,
  },
}

process.chdir(root)
const [name = 'all'] = process.argv.slice(2)
const run = requireRun(name)
// `tmpdir()` returns this folder in the services and in each worker.
if (run.isInMemory) process.env['TMPDIR'] = await makeTemporaryFolder()
// The run always ends with `exit`, which removes temporary files and stops services.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
const count = await runEverything(run)
const isGood = count.failed === 0 && count.passed > 0
// A test may have left a timer or connection open. The result does not wait for it.
process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`, () => process.exit(isGood ? 0 : 1))

function requireRun(wanted: string): Run {
  const found = runs[wanted]
  if (found === undefined)
    throw new Error(`There is no test run "${wanted}". Name one of ${Object.keys(runs).join(', ')}.`)
  return found
}

async function runEverything({ projects, before, beside, leavesOut }: Run): Promise<Count> {
  if (!(await areServicesAvailable())) return { passed: 0, failed: 1 }

  const prepared = await runChecks(before)
  if (prepared.failed > 0) return prepared
  const [checked, tested] = await Promise.all([runChecks(beside), runTests(projects)])
  if (leavesOut) await printLeftOut()
  return {
    passed: prepared.passed + checked.passed + tested.passed,
    failed: prepared.failed + checked.failed + tested.failed,
  }
}

/** Runs first, so that a failure is reported before the tests. */
async function areServicesAvailable(): Promise<boolean> {
  try {
    await prepareServices(servicesOfTests, process.env)
    return true
  } catch (error) {
    console.error(error instanceof ServiceFailure ? error.message : error)
    return false
  }
}

async function runChecks(checks: Check[]): Promise<Count> {
  const passed = await Promise.all(checks.map(runCheck))
  return { passed: passed.filter(Boolean).length, failed: passed.filter((isPassed) => !isPassed).length }
}

/** Prints its output as a whole at its end, because the tests print meanwhile. */
async function runCheck({ name: what, command, words }: Check): Promise<boolean> {
  const env = { ...process.env, PATH: [programs, process.env['PATH'] ?? ''].join(delimiter) }
  const child = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close').then(([code]) => code === 0)
  try {
    const [stdout, stderr, isPassed] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    console.log(isPassed ? `✓ ${what}` : `${stdout}${stderr}✗ ${what}`)
    return isPassed
  } catch (error) {
    console.error(`✗ ${what}: ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}

async function runTests(projects: string[]): Promise<Count> {
  const tests = await runVitest(projects)
  // Vitest fails without a failed test if it could not begin: a setup that threw, or no file found.
  const isUncounted = tests.failed === 0 && (process.exitCode ?? 0) !== 0
  return isUncounted ? { ...tests, failed: 1 } : tests
}

async function runVitest(project: string[]): Promise<Count> {
  try {
    const vitest = await startVitest([], { root, project, run: true, watch: false })
    const modules = vitest.state.getTestModules()
    const { failures, ...tests } = countResults(modules, vitest.state.getUnhandledErrors())
    console.log('The slowest files')
    for (const { seconds, file } of listSlowest(modules)) console.log(`${seconds.toFixed(1).padStart(6)} s  ${file}`)
    // Repeated at the end, where they are easy to find.
    for (const failure of failures) console.log(`✗ ${failure}`)
    return tests
  } catch (error) {
    console.error(error)
    return { passed: 0, failed: 1 }
  }
}

type RanFile = { relativeModuleId: string; diagnostic(): { duration: number; collectDuration: number } }

function listSlowest(modules: RanFile[]): { seconds: number; file: string }[] {
  return modules
    .map((module) => ({ seconds: module.diagnostic().duration / 1000, file: module.relativeModuleId }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, 10)
}

async function printLeftOut(): Promise<void> {
  for (const { command, what, files } of await listLeftOut(root)) {
    console.log(`\nNot run: ${what}. ${command} runs them:`)
    for (const file of files) console.log(`  ${file}`)
  }
  console.log()
}
