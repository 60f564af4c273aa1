import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { expect, onTestFinished, test } from 'vitest'

import { logIn, openApi, type Login } from '../../demo/call-api.ts'
import type { ChecklistShape } from '../../src/contract/review.ts'

type Demo = { url: string; firm: Login; reviewer: Login; administrator: Login }

const root = join(import.meta.dirname, '../..')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function startDemo(): Promise<{ demo: Demo; stop: () => Promise<number | null> }> {
  const program = spawn(process.execPath, ['demo/run.ts', '--port', String(await freePort()), '--json'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(program, 'exit')
  const stop = async () => {
    program.kill('SIGTERM')
    await ended
    return program.exitCode
  }
  onTestFinished(async () => void (await stop()))
  for await (const line of createInterface(program.stdout)) return { demo: JSON.parse(line) as Demo, stop } // its only line
  throw new Error('the demo ended before it was ready')
}

async function listDemoFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('paniq-demo-'))
}

test('the demo has a firm with documents in every state, a review queue, and leaves nothing behind', async () => {
  const before = await listDemoFolders()
  const { demo, stop } = await startDemo()
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
  const queue = await api.ask<unknown[]>('GET /review-queue?limit=100', { person: reviewer })
  expect(queue).toHaveLength(60)

  await logIn(api, demo.administrator)
  expect(await stop()).toBe(0)
  expect(folders.map((name) => existsSync(join(tmpdir(), name)))).toEqual([false])
}, 240_000)
