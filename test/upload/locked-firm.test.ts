import { setTimeout as sleep } from 'node:timers/promises'

import { Client } from 'pg'
import { expect, test } from 'vitest'

import { uploadFile } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { serveAfterWrite } from '../support/service/serve-after-write.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const service = await startService({ DATABASE_URL: database.url })
  closing.defer(() => service.stop())
  const platform = new Client({ connectionString: database.url })
  await platform.connect()
  closing.defer(() => platform.end())
  const firms = await Promise.all([1, 2, 3, 4].map(() => firmWithAdmin(service)))
  return { service, platform, firms }
})

/** Uploads of all these firms whose commits start at the same moment. */
async function uploadTogether(): Promise<Promise<{ status: number; afterMs: number }>[]> {
  const { firms, service } = scene
  const { promise: allWritten, resolve: tellAllWritten } = Promise.withResolvers<void>()
  let written = 0
  const url = await serveAfterWrite(service, async () => {
    written += 1
    if (written === firms.length) tellAllWritten()
    await allWritten
  })
  const answers = firms.map(async ({ firm, admin }) => {
    const { status } = await uploadFile(url, firm, admin)
    return { status, at: performance.now() }
  })
  await allWritten
  const from = performance.now()
  return answers.map(async (answer) => ({ status: (await answer).status, afterMs: (await answer).at - from }))
}

test('a firm that the platform has locked delays uploads of no other firm', async () => {
  const { platform, firms } = scene
  await platform.query('begin')
  await platform.query('select from security_firms where id = $1 for update', [firms[1]?.firm])

  const [first, locked, ...others] = await uploadTogether()
  await Promise.all([first, ...others])
  const before = await Promise.race([locked, sleep(0)])
  await platform.query('rollback')

  expect(before).toBeUndefined()
  expect((await Promise.all([first, locked, ...others])).map((answer) => answer?.status)).toEqual([201, 201, 201, 201])
})

test('the platform is never the victim of a deadlock with uploads of several firms', async () => {
  const { platform, firms } = scene
  const lock = (firm: string | undefined) =>
    platform.query('select from security_firms where id = $1 for update', [firm])
  for (const [one, other] of [
    [firms[0], firms[3]],
    [firms[3], firms[0]],
  ]) {
    await platform.query('begin')
    await lock(one?.firm)
    const answers = await uploadTogether()
    // Longer than the server waits before its deadlock check.
    await sleep(1600)
    await lock(other?.firm)
    await platform.query('rollback')
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([201, 201, 201, 201])
  }
})
