import { readFileSync } from 'node:fs'

import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'

import { makeNotingProgram } from '../../test/support/run/noting-program.ts'
import { describeOption, fullName } from './command/define-command.ts'
import { allCommands } from './run-program.ts'

const page = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8')
const leaves = allCommands(makeNotingProgram()).filter((each) => each.commands.length === 0)

describe('docs/commands.md', () => {
  test('has a section for every command, and no other', () => {
    const headings = [...page.matchAll(/^## `(.+)`$/gm)].map(([, name]) => name)
    expect(headings).toEqual(leaves.map(fullName))
  })

  test.each(leaves.map((each) => [fullName(each), each] as const))(
    'has every option of %s, and no other',
    (name, leaf) => {
      const expected = leaf.options.map((option) => [`\`${option.flags}\``, describeOption(option)])
      expect(new Map(rowsIn(sectionOf(name)))).toEqual(new Map(expected as [string, string][]))
    },
  )

  test.each(leaves.map((each) => [fullName(each), each] as const))(
    'has the example of the help of %s',
    (name, leaf) => {
      expect(sectionOf(name)).toContain(`\`\`\`sh\n${exampleOf(leaf)}\n\`\`\``)
    },
  )

  test('has the options of the program', () => {
    const program = makeNotingProgram()
    const flags = rowsIn(page.slice(0, page.indexOf('\n## '))).map(([flag]) => flag)
    expect(flags).toEqual([...program.options.map((each) => `\`${each.flags}\``), '`-h, --help`'])
  })
})

test.each(leaves.map((each) => [fullName(each), each] as const))(
  'the program accepts the example of %s',
  async (name, leaf) => {
    const [, words = ''] = /\.\/bin\/paniq-docs ([^<]+)/.exec(exampleOf(leaf)) ?? []
    const called: string[] = []
    const program = makeNotingProgram(called)
    for (const each of allCommands(program)) each.exitOverride()
    await program.parseAsync(words.trim().split(' '), { from: 'user' })
    expect(called).toEqual([name])
  },
)

test('every command that ends has --json', () => {
  const longRunning = new Set(['serve', 'work'])
  for (const leaf of leaves.filter((each) => !longRunning.has(fullName(each))))
    expect([fullName(leaf), leaf.options.map(({ long }) => long)]).toEqual([
      fullName(leaf),
      expect.arrayContaining(['--json']),
    ])
})

function sectionOf(name: string): string {
  const [, section = ''] = page.split(`\n## \`${name}\`\n`)
  return section.split('\n## ')[0] ?? ''
}

/** Cells of the tables in a section, without the head and the rule. */
function rowsIn(section: string): [string, string][] {
  return [...section.matchAll(/^\| (`[^|]+`) +\| (.+?) +\|$/gm)].map(([, flags = '', meaning = '']) => [flags, meaning])
}

function exampleOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  return /Example:\n {2}\$ (.+)/.exec(help)?.[1] ?? 'no example'
}
