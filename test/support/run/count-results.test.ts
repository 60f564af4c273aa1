import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const here = import.meta.dirname

/** Runs the real Vitest on a folder with one test file, in a separate process, and counts. */
async function countRunOf(content: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-count-'))
  try {
    await symlink(join(here, '../../../node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'some.test.ts'), `import { afterAll, describe, test } from 'vitest'\n${content}`)
    await writeFile(
      join(folder, 'run.mjs'),
      `import { startVitest } from 'vitest/node'
       import { countResults } from '${here}/count-results.ts'
       const options = { root: '${folder}', config: false, run: true, watch: false, reporters: [{}] }
       const { state } = await startVitest([], options)
       const count = countResults(state.getTestModules(), state.getUnhandledErrors())
       process.stdout.write('\\n' + JSON.stringify(count), () => process.exit(0))`,
    )
    // Without this run's own variables, with which the other run would believe to be a part of it.
    const env = { PATH: process.env['PATH'] }
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'run.mjs')], { env })
    return JSON.parse(stdout.slice(stdout.lastIndexOf('\n')))
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('tests that pass and tests that fail are counted as such', async () => {
  const count = await countRunOf(`
    test('right', () => undefined)
    describe('group', () => { test('right too', () => undefined) })
    test('wrong', () => { throw new Error('it is\\nwrong') })`)

  expect(count).toEqual({ passed: 2, failed: 1, failures: ['some.test.ts > wrong: it is'] })
})

test.each(['skip', 'skipIf(true)', 'runIf(false)', 'todo'])(
  'a test skipped by .%s counts as failed, and is named',
  async (modifier) => {
    const count = await countRunOf(`
    test('right', () => undefined)
    test.${modifier}('left out', () => undefined)
    test('leaves itself out', (context) => context.skip())`)

    const failures = ['left out', 'leaves itself out'].map(
      (name) => `some.test.ts > ${name}: not run, which counts as failed`,
    )
    expect(count).toEqual({ passed: 1, failed: 2, failures })
  },
)

test.each([
  [
    'a file that cannot be loaded',
    `import './absent.ts'`,
    { passed: 0, failures: [expect.stringMatching(/^some\.test\.ts: .*absent/)] },
  ],
  [
    'a file without a test',
    `const nothing = 1`,
    { passed: 0, failures: [expect.stringMatching(/^some\.test\.ts: No test suite found/)] },
  ],
  [
    'a group that does not end well',
    `describe('group', () => {
        afterAll(() => { throw new Error('not cleaned up') })
        test('right', () => undefined)
      })`,
    { passed: 1, failures: ['some.test.ts > group: not cleaned up'] },
  ],
  [
    'an error that nobody hears',
    `test('right', async () => {
        void Promise.reject(new Error('heard by nobody'))
        await new Promise((resolve) => setTimeout(resolve, 20))
      })`,
    { passed: 1, failures: ['an error that nobody caught: heard by nobody'] },
  ],
  [
    'what is thrown and is no error',
    `test('right', () => { throw 'a word' })`,
    { passed: 0, failures: ['some.test.ts > right: a word'] },
  ],
])('%s counts as failed, and is named', async (_what, content, expected) => {
  expect(await countRunOf(content)).toEqual({ failed: 1, ...expected })
})
