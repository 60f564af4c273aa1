import { rename } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'

import { finishUploads } from '../../../src/documents/resumable/finish-uploads.ts'
import { collectBlobs } from '../../../src/documents/stores/collect-blobs.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { listFolder } from '../../support/s3/list-everything.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { eventsOf, finish, leftOf, sceneOfEnds, silentUrl, type Store, stores, uploadAndKill } from './scene-of-ends.ts'

const scene = sceneOfEnds()
const bytes = makePdf({ bytes: 17_000_000 })

/** A service whose scanner answers only after `scanAgain`, and one run of the task there that waits for it. */
async function finishWithoutScanner(store: Store, signal = new AbortController().signal) {
  scene.silentClamd.setFault({ kind: 'hang' })
  const service = await startService({ ...scene.settings[store], CLAMD_URL: silentUrl(scene.silentClamd) })
  onTestFinished(() => service.stop())
  const before = scene.silentClamd.connections()
  const result = finishUploads({ ...service.app, secondFactor: 'off' }, 'a test', signal)
  await expect.poll(() => scene.silentClamd.connections()).toBeGreaterThan(before)
  return { service, result }
}

async function scanAgain(): Promise<void> {
  scene.silentClamd.setFault({ kind: 'none' })
  await scene.silentClamd.cutAll()
}

const postpone = ({ service, firm }: Awaited<ReturnType<typeof uploadAndKill>>, time: string) =>
  sql`update document_uploads set end_due_at = now() + ${time}::interval where firm_id = ${firm}`.execute(
    service.app.db,
  )

const warningsOf = ({ logLines }: TestService) => logLines.filter((line) => line.includes('upload_not_finished'))

it.each(stores)('a shutdown waits for no file, and the next run finishes it at once: %s', async (store) => {
  const { service, uploads, address } = await uploadAndKill(scene, store, bytes)
  const ending = new AbortController()
  const { service: closing, result } = await finishWithoutScanner(store, ending.signal)

  ending.abort(new Error('The service is ending.'))

  expect(await result).toEqual({ finished: 0, rejected: 0, left: 0 })
  expect(warningsOf(closing)).toEqual([])
  expect(await finish(service)).toEqual({ finished: 1, rejected: 0, left: 0 })
  expect((await uploads.download(await uploads.view(address))).equals(bytes)).toBe(true)
})

it('a file that expires while it is finished is no rejection', async () => {
  const { service, firm } = await uploadAndKill(scene, 'onDisk', bytes)
  const { result } = await finishWithoutScanner('onDisk')
  const inTenDays = { ...service.app, now: () => new Date(Date.now() + 240 * 3_600_000) }
  await collectBlobs(inTenDays, new AbortController().signal)

  await scanAgain()

  expect(await result).toEqual({ finished: 0, rejected: 0, left: 1 })
  expect(await eventsOf(service, firm)).toEqual([])
  expect((await leftOf(scene, service, firm)).states).toEqual([])
})

it('a file that another instance postponed is left alone by a run that began earlier', async () => {
  const one = await uploadAndKill(scene, 'onDisk', bytes)
  // The service that receives the other file must not finish this one before it is killed.
  await postpone(one, '1 hour')
  const other = await uploadAndKill(scene, 'onDisk', bytes)
  await postpone(one, '0')
  const [first, second] = one.address.slice(-36) < other.address.slice(-36) ? [one, other] : [other, one]
  const { result } = await finishWithoutScanner('onDisk')
  const folder = scene.settings.onDisk.UPLOADS_DIR
  const file = (await listFolder(folder)).find(({ kind, path }) => kind === 'file' && path.includes(second.firm))
  const path = join(folder, file?.path ?? '')
  await rename(path, `${path}.away`)
  expect(await finish(second.service)).toEqual({ finished: 0, rejected: 0, left: 1 })
  await rename(`${path}.away`, path)

  await scanAgain()

  expect(await result).toEqual({ finished: 1, rejected: 0, left: 0 })
  expect((await first.uploads.view(first.address)).headers.has('content-location')).toBe(true)
  const answer = await second.uploads.send(second.address, bytes.length - 1, bytes.subarray(-1))
  expect(answer.status).toBe(204)
})
