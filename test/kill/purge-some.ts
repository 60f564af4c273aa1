import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

import { claimSeconds } from '../../src/database/blobs/blob.ts'
import { findUndestroyed } from '../support/blobs/compare-blobs.ts'
import { listPurgedCopies } from '../support/blobs/watch-blobs.ts'
import type { Instance } from '../support/service/start-instance.ts'
import { foundIn } from './checks/compare-stock.ts'
import type { Ledger } from './clients/ledger.ts'
import type { Sender } from './clients/make-senders.ts'
import type { Scene } from './scene/open-scene.ts'
import { plantWrongBytes } from './scene/corrupt-bytes.ts'
import type { Random } from './scene/random.ts'
import { startMigration } from './scene/start-migration.ts'
import { takeStock } from './checks/take-stock.ts'
import type { Tally } from './clients/tally.ts'

type Needs = { scene: Scene; ledger: Ledger; senders: Sender[]; tally: Tally; signal: AbortSignal }

const maxDocuments = 60
const maxPercent = 30
/**
 * A document that the service is moving waits for the next run. A live process whose claim was answered over a broken
 * connection keeps that claim until it expires.
 */
const maxMsOfRuns = (claimSeconds + 30) * 1000

/**
 * Some documents are deleted and purged with `--now`, by runs that are killed and then by some that are not. Every copy
 * that the service ever named must be gone, with any outcome of the moves that made it: the file on each disk, and
 * every version in the bucket.
 */
export async function purgeSome(needs: Needs, random: Random): Promise<string[]> {
  const { scene, ledger, tally, signal } = needs
  const answered = ledger.answered()
  await leaveCopies(needs, random)
  const share = Math.min(maxPercent, (100 * maxDocuments) / Math.max(answered.length, 1))
  const copied = await listCopied(scene)
  const chosen = answered.filter(({ documentId }) => random.percent(copied.has(documentId) ? 80 : share))
  if (chosen.length === 0) return []
  for (const document of chosen) await deleteDocument(needs, document)
  const ids = chosen.map(({ documentId }) => documentId)
  ledger.forget(ids)

  for (const instance of scene.instances) {
    const killed = purge(scene, instance, ids)
    await Promise.race([killed.ended, sleep(random.between(500, 3000), undefined, { signal })])
    if (killed.kill()) tally.killed()
    await killed.ended
  }
  const until = performance.now() + maxMsOfRuns
  for (;;) {
    for (const instance of scene.instances) await purge(scene, instance, ids).ended
    const left = await findLeft(scene, ids)
    if (left.length === 0 || performance.now() > until) return left
    await sleep(1000, undefined, { signal })
  }
}

/** A migration killed halfway leaves retained sources and targets of dead moves, with planted bytes. */
async function leaveCopies({ scene, tally, signal }: Needs, random: Random): Promise<void> {
  const [instance] = scene.instances
  if (instance === undefined) return
  for (const to of ['local', 's3'] as const) {
    const migration = startMigration(instance, to, signal, ['--concurrency', '4'])
    await migration.begun
    await Promise.race([migration.ended, sleep(random.between(200, 2000), undefined, { signal })])
    if (migration.kill()) tally.killed()
    await migration.ended
    await plantWrongBytes(scene, random)
  }
}

/** Documents with more blobs than versions. */
async function listCopied({ query }: Scene): Promise<Set<string>> {
  const rows = await query<{ id: string }>(
    `select distinct document_id as id from document_blobs where state <> 'live' limit ${maxDocuments}`,
  )
  return new Set(rows.map(({ id }) => id))
}

async function deleteDocument(
  { scene, senders }: Needs,
  { firmId, documentId }: { firmId: string; documentId: string },
) {
  const url = scene.instances.find((instance) => instance.isUp())?.url() ?? ''
  // The first person of a firm is its administrator.
  const headers = senders.find((sender) => sender.firmId === firmId)?.headers ?? {}
  const path = `/api/v1/security-firms/${firmId}/documents/${documentId}`
  const { status } = await fetch(url + path, { method: 'DELETE', headers })
  if (status !== 204) throw new Error(`the deletion of ${documentId} was answered ${status}`)
}

/** With an operator's permissions: the service cannot destroy old versions. */
function purge({ bucket }: Scene, instance: Instance, ids: string[]) {
  const { owner } = bucket.s3
  const child = instance.run(
    ['purge', '--now', '--reason', 'the end of a test', ...ids.flatMap((id) => ['--document', id])],
    { AWS_ACCESS_KEY_ID: owner.accessKeyId, AWS_SECRET_ACCESS_KEY: owner.secretAccessKey },
  )
  child.stdout?.resume()
  child.stderr?.resume()
  return { ended: once(child, 'exit'), kill: () => child.kill('SIGKILL') }
}

async function findLeft(scene: Scene, ids: string[]): Promise<string[]> {
  const stock = await takeStock({ ...scene, disks: scene.instances })
  const copies = await listPurgedCopies(scene.query)
  const purged = new Set(copies.map(({ documentId }) => documentId))
  return [
    ...ids.filter((id) => !purged.has(id)).map((id) => `document ${id} was not purged`),
    ...findUndestroyed(copies, stock.blobs, foundIn(stock)),
  ]
}
