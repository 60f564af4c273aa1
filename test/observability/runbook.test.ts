import { glob, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'

import { listCode } from '../structure/list-code.ts'
import { readTable } from '../structure/read-table.ts'
import { ensureInstalled } from '../support/services/install-packages.ts'
import { promtoolNeed, runPromtool } from '../support/services/promtool.ts'
import { findUnknown } from './explain-selectors.ts'
import { docs } from './look-at-service.ts'
import { readAlerts } from './read-alerts.ts'
import { watchedService } from './watched-service.ts'

const alerts = await readAlerts()
const index = await readFile(join(docs, 'runbook.md'), 'utf8')
const names = (await readdir(join(docs, 'runbook'))).toSorted()
const pages = await Promise.all(
  names.map(async (name) => ({ name, text: await readFile(join(docs, 'runbook', name), 'utf8') })),
)

const scene = watchedService()
beforeAll(() => ensureInstalled([promtoolNeed]))

/** What stands in the blocks of one language, with the page that has it. */
function blocksOf(language: string) {
  return [{ name: 'runbook.md', text: index }, ...pages].flatMap(({ name, text }) =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.+?)^\`\`\``, 'gms'))].map(([, block = '']) => ({
      name,
      block,
    })),
  )
}

test('each alert has its page, and each page its alert', () => {
  expect(alerts.map(({ annotations }) => annotations.runbook).toSorted()).toEqual(
    names.map((name) => `docs/runbook/${name}`),
  )
})

test.each(pages)(
  '$name says whose it is, what people notice, where to look, what to do and when it is over',
  ({ name, text }) => {
    const alert = alerts.find(({ annotations }) => annotations.runbook.endsWith(`/${name}`))

    expect(text).toContain(`\n\n\`${alert?.alert}\` (${alert?.labels.severity})\n\n`)
    expect(text.match(/^## .*/gm)).toEqual(['## For people', '## Look', '## Do', '## Over'])
    const parts = text.split(/^##? .*$/m).slice(2)
    expect(parts.filter((part) => part.trim().length < 20)).toEqual([])
  },
)

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

test('every query of the pages is one that the database answers, and changes nothing', async () => {
  const queries = blocksOf('sql')
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

test('every expression of the pages is one that Prometheus reads, about what a service has', async () => {
  const asked = blocksOf('promql')
  const place = await mkdtemp(join(tmpdir(), 'paniq-promql-'))
  const rules = asked.map(({ block }, at) => ({ record: `page:${at}`, expr: block }))
  // JSON is YAML.
  await writeFile(join(place, 'pages.yaml'), JSON.stringify({ groups: [{ name: 'pages', rules }] }))
  const checked = await runPromtool(['check', 'rules', join(place, 'pages.yaml')])
  await rm(place, { recursive: true })

  expect(asked.length).toBeGreaterThan(15)
  expect(checked).toEqual({ isRight: true, output: expect.any(String) as string })
  expect(asked.flatMap(({ name, block }) => findUnknown(block, scene.known).map((what) => `${name}: ${what}`))).toEqual(
    [],
  )
})

test('events, jobs and tasks that the pages look for are those that the log has', async () => {
  const code = (await listCode(['src'])).map(({ content }) => content).join('\n')
  const wanted = blocksOf('sh').flatMap(({ name, block }) =>
    [...block.matchAll(/\.(event|job|task|code|outcome|level) == "([\w-]+)"/g)].map(([, , value = '']) => ({
      name,
      value,
      isThere: code.includes(`'${value}'`) || code.includes(`\`${value.slice(0, value.indexOf('_'))}_\${`),
    })),
  )

  expect(wanted.length).toBeGreaterThan(20)
  expect(wanted.filter(({ isThere }) => !isThere)).toEqual([])
})

test('commands and options of the pages are those of commands.md', async () => {
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

test('links of the pages lead somewhere', async () => {
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
