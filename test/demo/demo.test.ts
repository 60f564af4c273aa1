import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { logIn, openApi } from '../../demo/call-api.ts'
import { startDemo } from '../../demo/start-demo.ts'
import type { ChecklistShape, WaitingShape } from '../../src/contract/review.ts'
import { checkout, makeWorkFolder, startOnTerminal } from '../support/cli/run-command.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'

type HistoryHour = { hour: string; uploads: number; stored_bytes: number | null }

async function listDemoFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('paniq-demo-'))
}

test('the demo has a firm with documents in every state, a review queue, and leaves nothing behind', async () => {
  const before = await listDemoFolders()
  const { demo, stop } = await startDemo()
  onTestFinished(async () => void (await stop()))
  const folders = (await listDemoFolders()).filter((name) => !before.includes(name))
  const api = openApi(demo.url)

  const thandi = await logIn(api, demo.firm)
  const firms = await api.ask<{ id: string; name: string }[]>('GET /security-firms', { person: thandi })
  expect(firms.map(({ name }) => name)).toEqual(['Blue Crane Security'])
  const { items } = await api.ask<ChecklistShape>(`GET /security-firms/${firms[0]?.id}/checklist`, { person: thandi })
  expect(new Set(items.map(({ state }) => state))).toEqual(
    new Set(['missing', 'pending', 'verified', 'rejected', 'expiring', 'expired']),
  )

  const reviewer = await logIn(api, demo.reviewer)
  const queue = await api.ask<WaitingShape[]>('GET /review-queue?limit=100', { person: reviewer })
  expect(queue).toHaveLength(60)
  const days = new Set(queue.map(({ document }) => document.uploaded_at.slice(0, 10)))
  expect(days.size).toBeGreaterThan(2)

  const administrator = await logIn(api, demo.administrator)
  const { hours } = await api.ask<{ hours: HistoryHour[] }>('GET /admin/history', { person: administrator })
  const busy = hours.filter(({ uploads }) => uploads > 0)
  expect(new Set(busy.map(({ hour }) => hour.slice(0, 10))).size).toBeGreaterThan(15)
  expect(Math.max(...busy.map(({ uploads }) => uploads))).toBeLessThan(20)
  expect(hours.at(-1)?.stored_bytes).toBeGreaterThan(hours.at(0)?.stored_bytes ?? Number.NaN)
  expect(await stop()).toBe(0)
  expect(folders.map((name) => existsSync(join(tmpdir(), name)))).toEqual([false])
}, 240_000)

test('Ctrl-C while the demo prepares removes its folder and its database', async () => {
  const { demo, folders } = await startOnPort()
  await demo.untilSaid(/Preparing people/)
  expect(await folders()).toHaveLength(1)

  demo.type('\u0003')
  const { code, stdout } = await demo.ended()
  expect(code).toBe(130)
  expect(stdout).not.toContain('Preparing the firm with a document in every state')
  expect(await folders()).toEqual([])
})

test('a demo whose service cannot start ends, and prints why', async () => {
  const { demo, port, folders } = await startOnPort()
  await demo.untilSaid(/Preparing people/)
  const other = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  onTestFinished(() => other[Symbol.asyncDispose]())

  const { code, stdout } = await demo.ended()
  expect(code).toBe(1)
  expect(stdout).toContain(`Port ${port} is in use`)
  expect(await folders()).toEqual([])
}, 120_000)

test('a demo on a port in use ends before it prepares anything', async () => {
  const [port] = await findFreePorts(1)
  const other = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  onTestFinished(() => other[Symbol.asyncDispose]())
  const { demo } = await startOnPort(port)

  const { code, stdout } = await demo.ended()
  expect(code).toBe(1)
  expect(stdout).toContain(`Port ${port} is not free`)
  expect(stdout).not.toContain('Preparing')
})

/** On a terminal, as a person starts it: npm passes Ctrl-C on, which the demo then gets twice. */
async function startOnPort(wanted?: number) {
  const [port = wanted] = wanted === undefined ? await findFreePorts(1) : []
  const folder = await makeWorkFolder()
  const demo = startOnTerminal(checkout, `exec npm run demo -- --port ${port}`, { TMPDIR: folder, HOME: folder })
  const folders = async () => (await readdir(folder)).filter((name) => name.startsWith('paniq-demo-'))
  return { demo, port, folders }
}
