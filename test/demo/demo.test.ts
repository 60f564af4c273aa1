import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { logIn, openApi } from '../../demo/call-api.ts'
import { startDemo } from '../../demo/start-demo.ts'
import type { ChecklistShape } from '../../src/contract/review.ts'

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
  const queue = await api.ask<unknown[]>('GET /review-queue?limit=100', { person: reviewer })
  expect(queue).toHaveLength(60)

  await logIn(api, demo.administrator)
  expect(await stop()).toBe(0)
  expect(folders.map((name) => existsSync(join(tmpdir(), name)))).toEqual([false])
}, 240_000)
