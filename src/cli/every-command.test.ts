import { describe, expect, test } from 'vitest'

import { makeNotingProgram } from '../../test/support/run/noting-program.ts'
import { fullName } from './command/define-command.ts'
import { explainFailure } from './printing/explain-failure.ts'
import { allCommands, runProgram } from './run-program.ts'

const commands = allCommands(makeNotingProgram())
const wordsOf = (command: (typeof commands)[number]) => (command.parent === null ? [] : fullName(command).split(' '))
const each = commands.map((command) => [wordsOf(command).join(' '), wordsOf(command)] as const)
const leaves = commands.filter((command) => command.commands.length === 0)

/** Runs the real program with commands that do nothing. */
async function run(words: string[]) {
  const said = { stdout: '', stderr: '' }
  const into = (name: keyof typeof said) => ({ write: (text: string) => void (said[name] += text) })
  const called: string[] = []
  const streams = { stdout: into('stdout'), stderr: into('stderr') }
  const code = await runProgram(makeNotingProgram(called), words, explainFailure, streams)
  return { code, called, ...said }
}

describe.each(each)('paniq-docs %s', (name, words) => {
  const call = ['./bin/paniq-docs', ...words, '--help'].join(' ')

  test('prints its usage, and does nothing else', async () => {
    const { stdout, ...ended } = await run([...words, '--help'])

    expect(ended).toEqual({ code: 0, called: [], stderr: '' })
    expect(stdout).toContain(`Usage: ${['paniq-docs', ...words].join(' ')} `)
  })

  test('points to its own help after a usage error', async () => {
    const { stderr, ...ended } = await run([...words, '--no-such-option'])

    expect(ended).toEqual({ code: 2, called: [], stdout: '' })
    expect(stderr).toMatch(/^error: .+\n/)
    expect(stderr).toContain(`\nRun ${call} to list `)
  })

  test('reports a usage error as one JSON object', async () => {
    const { stdout, ...ended } = await run([...words, '--no-such-option', '--json'])

    expect(ended).toEqual({ code: 2, called: [], stderr: '' })
    expect(stdout).toMatch(/^.+\n$/)
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'wrong_use', message: expect.stringContaining(`. Run ${call} `) },
    })
  })
})

describe.each(leaves.map((command) => [fullName(command), command] as const))('the help of %s', (name, command) => {
  test('has an example, and marks required options', async () => {
    const { stdout } = await run([...name.split(' '), '--help'])

    expect(stdout).toMatch(/\nExample:\n {2}\$ .*\.\/bin\/paniq-docs /)
    const marked = stdout.split('(required)').length - 1
    expect(marked).toBe(command.options.filter(({ mandatory }) => mandatory).length)
    expect(stdout).not.toContain('default: []')
  })
})

test.each([
  'serve',
  'work',
  's3 setup',
  'migrate to-s3',
  'drain',
  'verify',
  'backup create',
  'backup verify',
  'backup restore',
  'purge',
])('the help of %s explains how to stop it, and what happens then', async (name) => {
  expect((await run([...name.split(' '), '--help'])).stdout).toContain('(Ctrl-C)')
})

test('an unknown command points to the list of commands', async () => {
  const printed = await run(['verify-everything'])
  expect(printed.stderr).toMatch(/\nRun \.\/bin\/paniq-docs --help to list the commands\.\n$/)
  const inGroup = await run(['s3', 'tset'])
  expect(inGroup.stderr).toMatch(/Did you mean test\?\)\nRun \.\/bin\/paniq-docs s3 --help to list the commands\.\n$/)
})

test.each([
  ['drain --concurrency', ['0', '65', '1.5', 'x', ''], 'It must be a whole number, 1 to 64.'],
  ['cost estimate --days', ['0', '367', 'x'], 'It must be a whole number, 1 to 366.'],
  ['s3 setup --noncurrent-days', ['0', '36501', 'x'], 'It must be a whole number, 1 to 36500.'],
  ['s3 setup --quarantine-days', ['0', 'soon'], 'It must be a whole number, 1 to 36500, or off.'],
  ['migrate to-s3 --rate', ['0', 'x'], 'It must be a number of megabytes, more than 0.'],
  ['verify --sample', ['0%', '101%', '5', 'x'], 'It must be a percentage, more than 0% and at most 100%, such as 5%.'],
])('every wrong value of %s gets one sentence with the allowed values', async (words, wrong, says) => {
  for (const value of wrong) {
    const { code, stderr } = await run([...words.split(' '), value])
    expect({ code, value, stderr }).toEqual({ code: 2, value, stderr: expect.stringContaining(says) })
  }
})
