import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { beforeAll, expect, it } from 'vitest'

import { fullName } from '../../src/cli/command/define-command.ts'
import { allCommands } from '../../src/cli/run-program.ts'
import type { ServedRoute } from '../../src/http/requests/served-routes.ts'
import { makeNotingProgram } from '../support/run/noting-program.ts'
import { serverWithRoutes } from '../support/service/server-with-routes.ts'
import { callRoute } from './rights/ask-route.ts'
import { type Asking, type KindOfPerson, makePeopleWhoAsk } from './rights/people-who-ask.ts'

const scene = serverWithRoutes()
const root = join(import.meta.dirname, '../..')
const readRoot = (path: string) => readFile(join(root, path), 'utf8')
const page = await readRoot('docs/audit-events.md')
let people: Record<KindOfPerson, Asking>
beforeAll(async () => {
  people = await makePeopleWhoAsk(scene.service)
})

/** The rows of the table below a heading. */
function rowsOf(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const codesOf = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
const leavesEvent = new Map(
  rowsOf('Calls with an event').map(([call, actions, when = '']) => [
    codesOf(call)[0] ?? '',
    { actions: codesOf(actions), when },
  ]),
)
const leavesNone = new Map(rowsOf('Calls without an event').map(([call, , why]) => [codesOf(call)[0] ?? '', why]))

const nameOf = ({ method, url }: ServedRoute) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`
const routes = () => scene.server.servedRoutes.filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS')

it('every route names its event, or the reason why it leaves none', () => {
  const written = [...leavesEvent.keys(), ...leavesNone.keys()]

  expect(routes().length).toBeGreaterThan(50)
  expect(written.toSorted()).toEqual([...new Set(routes().map(nameOf))].toSorted())
  expect([...leavesNone].filter(([, why]) => !why)).toEqual([])
})

it('every command names its event, or the reason why it leaves none', () => {
  const rows = rowsOf('Commands')
  const commands = allCommands(makeNotingProgram()).filter(({ commands: inner }) => inner.length === 0)

  expect(rows.map(([command]) => codesOf(command)[0] ?? '').toSorted()).toEqual(commands.map(fullName).toSorted())
  expect(rows.filter(([, action, why]) => action === '–' && !why)).toEqual([])
})

/** They name events of webhooks, and actions of other files. */
const namesOfWebhooks = new Set(['src/contract/webhooks.ts', 'src/database/schema/migrations/0018-webhooks.sql'])

it('the page has every action of the code, and no other', async () => {
  const written = new Set(codesOf(page).filter((code) => /^[a-z_]+\.[a-z_]+$/.test(code)))
  const literal = /'([a-z_]+\.(?:[a-z_]*ed|began|left|expiring|[a-z_]*drawn|[a-z_]*set|bytes_))'/g
  const inCode = new Set<string>()
  for await (const path of glob('src/**/*.{ts,sql}', { cwd: root }))
    for (const [, action = ''] of path.endsWith('.test.ts') || namesOfWebhooks.has(path)
      ? []
      : (await readRoot(path)).matchAll(literal))
      for (const name of action.endsWith('_') ? [`${action}missing`, `${action}wrong`] : [action]) inCode.add(name)

  expect([...written].toSorted()).toEqual([...inCode].toSorted())
})

it.each(['an administrator', 'a reviewer', 'a firm_admin', 'a field_staff'] as const)(
  'successful calls of %s leave the events of the page, and no other',
  async (kind) => {
    const readNew = await watchEvents()
    const differing: string[] = []
    for (const route of routes()) {
      const { status } = await callRoute(scene, route, people[kind])
      const left = await readNew()
      const { actions, when } = leavesEvent.get(nameOf(route)) ?? { actions: [], when: '' }
      const isMissing = status < 300 && when.startsWith('always') && !left.some((action) => actions.includes(action))
      // A call that changes a document uploads it first.
      const isOther = left.some((action) => ![...actions, 'document.uploaded'].includes(action))
      if (isMissing || isOther) differing.push(`${nameOf(route)}: ${status} left ${left.join(', ') || 'none'}`)
    }

    expect(differing).toEqual([])
  },
)

it('lists of all firms, of all API keys and of a person’s identities leave an event', async () => {
  const readNew = await watchEvents()
  const { authorization = '', place } = people['an administrator']
  for (const path of ['/security-firms', '/api-keys', `/users/${place.member.id}/identities`]) {
    const answer = await fetch(`${scene.url}/api/v1${path}`, { headers: { authorization } })
    expect(answer.status).toBe(200)
  }

  expect((await readNew()).toSorted()).toEqual(['api_keys.listed', 'firms.listed', 'identity.listed'])
})

/** Returns a function that reads the actions of the events with the outcome `ok` since its last call. */
async function watchEvents(): Promise<() => Promise<string[]>> {
  const seen = new Set<string>()
  const readNew = async () => {
    const { db } = scene.service.app
    const events = await db.selectFrom('document_trail').select(['id', 'action']).where('outcome', '=', 'ok').execute()
    const fresh = events.filter(({ id }) => !seen.has(id))
    for (const { id } of fresh) seen.add(id)
    return fresh.map(({ action }) => action)
  }
  await readNew()
  return readNew
}
