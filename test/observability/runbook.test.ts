import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { listCode } from '../structure/list-code.ts'
import { readTable } from '../support/pages/read-table.ts'
import { findUnknown } from './explain-selectors.ts'
import { blocksOf, readRunbook } from './list-expressions.ts'
import { docs } from './look-at-service.ts'
import { readAlerts } from './read-alerts.ts'
import { watchedService } from './watched-service.ts'

const alerts = await readAlerts()
const runbook = await readRunbook()
const { index, pages } = runbook

const scene = watchedService()

test('each alert has a page, and each page an alert', () => {
  expect(alerts.map(({ annotations }) => annotations.runbook).toSorted()).toEqual(
    pages.map(({ name }) => `docs/runbook/${name}`),
  )
})

test.each(pages)('$name names its alert and has impact, diagnosis, actions and the end', ({ name, text }) => {
  const alert = alerts.find(({ annotations }) => annotations.runbook.endsWith(`/${name}`))

  expect(text).toContain(`\n\n\`${alert?.alert}\` (${alert?.labels.severity})\n\n`)
  expect(text.match(/^## .*/gm)).toEqual(['## Impact', '## Diagnosis', '## Actions', '## Resolved when'])
  const parts = text.split(/^##? .*$/m).slice(2)
  expect(parts.filter((part) => part.trim().length < 20)).toEqual([])
})

test('the runbook lists every alert with its severity, in the order of the rules', () => {
  const listed = readTable(index, 'alert').map(([alert = '', severity, page = '']) => [
    alert.replaceAll('`', ''),
    severity,
    /\((.+)\)/.exec(page)?.[1],
  ])

  expect(listed).toEqual(
    alerts.map(({ alert, labels, annotations }) => [alert, labels.severity, annotations.runbook.replace('docs/', '')]),
  )
})

test('every SQL query of the pages works and changes nothing', async () => {
  const queries = blocksOf(runbook, 'sql')
  const refused: string[] = []
  for (const { name, block } of queries) {
    const asking = scene.service.app.db
      .transaction()
      .setAccessMode('read only')
      .execute((trx) => sql.raw(block).execute(trx))
    await asking.catch((error: unknown) => refused.push(`${name}: ${String(error)}`))
  }

  expect(queries.length).toBeGreaterThan(15)
  expect(refused).toEqual([])
})

test('every expression of the pages uses existing metrics', () => {
  const asked = blocksOf(runbook, 'promql')

  expect(asked.length).toBeGreaterThan(15)
  expect(asked.flatMap(({ name, block }) => findUnknown(block, scene.known).map((what) => `${name}: ${what}`))).toEqual(
    [],
  )
})

test('events, jobs and tasks of the pages exist in the log', async () => {
  const code = (await listCode(['src'])).map(({ content }) => content).join('\n')
  const wanted = blocksOf(runbook, 'sh').flatMap(({ name, block }) =>
    [...block.matchAll(/\.(event|job|task|code|outcome|level) == "([\w-]+)"/g)].map(([, , value = '']) => ({
      name,
      value,
      isThere: code.includes(`'${value}'`) || code.includes(`\`${value.slice(0, value.indexOf('_'))}_\${`),
    })),
  )

  expect(wanted.length).toBeGreaterThan(20)
  expect(wanted.filter(({ isThere }) => !isThere)).toEqual([])
})

test('commands and options of the pages exist in commands.md', async () => {
  const commands = await readFile(join(docs, 'commands.md'), 'utf8')
  const given = [{ name: 'runbook.md', text: index }, ...pages].flatMap(({ name, text }) =>
    [...text.matchAll(/\.\/bin\/paniq-docs ([a-z0-9 -]+)/g)].map(([, words = '']) => ({
      name,
      words: words.trim().split(' '),
    })),
  )
  const unknown = given.filter(({ words }) => {
    const [command, option] = [
      words.filter((word) => !word.startsWith('-')),
      words.find((word) => word.startsWith('--')),
    ]
    const isCommand = commands.includes(`\n## \`${command[0]}`)
    return !isCommand || (option !== undefined && !commands.includes(option))
  })

  expect(given.length).toBeGreaterThan(10)
  expect(unknown).toEqual([])
})

test('links of the pages lead to existing pages and headings', async () => {
  const files = new Set(await Array.fromAsync(glob('**/*.md', { cwd: join(docs, '..'), exclude: ['node_modules/**'] })))
  const links = [
    { name: 'docs/runbook.md', text: index },
    ...pages.map(({ name, text }) => ({ name: `docs/runbook/${name}`, text })),
  ].flatMap(({ name, text }) =>
    [...text.matchAll(/\]\(([^)#]+\.md)/g)].map(([, to = '']) => ({ name, to: join(dirname(name), to) })),
  )

  expect(links.length).toBeGreaterThan(60)
  expect(links.filter(({ to }) => !files.has(to))).toEqual([])
})
