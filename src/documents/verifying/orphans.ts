import { type EventActor, recordEvent } from '../../database/audit/events.ts'
import { findIsBackupRunning } from '../../database/backup/running-backups.ts'
import {
  commitQuarantine,
  deletePendingQuarantine,
  type UnfinishedQuarantine,
  isNamed,
  listUnfinishedQuarantines,
  type PendingQuarantine,
} from '../../database/blobs/quarantine-blob.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/versions-in-store.ts'
import { findUnnamedKeys, findUnnamedMultiparts } from '../../database/blobs/unnamed-files.ts'
import { type FileStat, StoreError, unlessMissing } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import type { UnfinishedCursor, UnfinishedUpload } from '../../storage/s3/s3-multipart.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { BlobId } from '../../vocabulary/vocabulary.ts'
import { hashBlob } from '../stores/hash-blob.ts'
import { copyToQuarantine } from '../moving/copy-to-quarantine.ts'
import { claimStore } from '../stores/claim-store.ts'
import type { RemoveNeeds } from '../stores/remove-blobs.ts'
import type { ReachableStore } from '../stores/reachable-stores.ts'
import { type Finding, findingAt, type VerificationRun, type VerifyNeeds } from './plan-verification.ts'
import { findRepairObstacle, type StoreCount } from './repair-limits.ts'

/**
 * Compares the files of one store with the rows: reports files and unfinished uploads that no row names, and moves the
 * files to quarantine if asked to. A store that cannot be asked is a finding.
 */
export async function checkOrphans(
  needs: VerifyNeeds,
  actor: EventActor,
  here: ReachableStore,
  run: VerificationRun,
): Promise<void> {
  const { verification, verified, onFinding } = run
  const { signal, repairs } = verification
  try {
    const owner = await untilAborted(claimStore(needs, here), signal)
    const count = await reportOrphans(needs, here, { signal, onFinding, notes: verified.notes })
    if (repairs === 'nothing' || signal.aborted) return
    // A bucket that is reachable and has none of our files is no finding.
    if (owner === 'none' && count.orphans === 0) return
    const obstacle = findRepairObstacle(here, { owner, count, allowsMany: repairs === 'many' })
    if (obstacle === undefined) await repairStore(needs, actor, here, { signal, onFinding })
    else verified.notes.push(obstacle)
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof StoreError)) throw error
    const why = `the store could not be listed: ${error.message}`
    onFinding({ ...findingAt(here, null), kind: 'unchecked', why })
  }
}

type Repair = { signal: AbortSignal; onFinding: (finding: Finding) => void }

/** Reports orphans of any age. Returns how many files the store has, and how many of them are orphans. */
async function reportOrphans(
  { db }: { db: Db },
  here: ReachableStore,
  { signal, onFinding, notes }: Repair & { notes: string[] },
): Promise<StoreCount> {
  const count: StoreCount = { files: 0, orphans: 0 }
  const onListed = (files: number) => {
    count.files += files
  }
  for await (const { key, size: bytes, modifiedAt: since } of walkOrphans(db, here, { signal, onListed })) {
    count.orphans += 1
    onFinding({ ...findingAt(here, key), kind: 'orphan', bytes, since, why: 'no row names it' })
  }
  if (here.store === 'local' || signal.aborted) return count

  const listed = await walkOrphanUploads(db, here.files, {
    signal,
    async onFound({ key, multipartId, startedAt: since }) {
      const why = `no row names this upload: ${multipartId}`
      onFinding({ ...findingAt(here, key), kind: 'orphan_upload', since, why })
    },
  })
  if (listed === 'not_allowed')
    notes.push(
      'Unfinished uploads on S3 were not checked: the credentials lack s3:ListBucketMultipartUploads. The bucket’s rule that ends unfinished uploads is enough.',
    )
  return count
}

/**
 * Moves orphans that are older than the grace to quarantine and aborts unfinished uploads of that age. Younger ones may
 * get a row yet. If the process dies, the next run resumes: each copy has a row before it is made.
 */
async function repairStore(needs: VerifyNeeds, actor: EventActor, here: ReachableStore, repair: Repair): Promise<void> {
  const { signal, onFinding } = repair
  const before = new Date(needs.now().getTime() - needs.graceMs)
  await finishInterrupted(needs, actor, here, repair)
  for await (const orphan of walkOrphans(needs.db, here, repair)) {
    if (signal.aborted) return
    if (orphan.modifiedAt >= before) continue
    if (!(await quarantineOrphan(needs, actor, here, orphan))) continue
    const { key, size: bytes, modifiedAt: since } = orphan
    onFinding({ ...findingAt(here, key), kind: 'quarantined', bytes, since, why: 'moved to quarantine and recorded' })
  }
  if (here.store === 'local') return
  await walkOrphanUploads(needs.db, here.files, {
    signal,
    async onFound({ key, multipartId, startedAt }) {
      if (startedAt >= before || signal.aborted) return
      await here.files.abortMultipart(key, multipartId)
      needs.log.warn({ event: 'orphan_upload_aborted', key, multipart_id: multipartId }, 'unfinished upload aborted')
      onFinding({ ...findingAt(here, key), kind: 'aborted', since: startedAt, why: `aborted: ${multipartId}` })
    },
  })
}

/** Finishes earlier repairs whose orphan is removed already. The walk finds the other ones again. */
async function finishInterrupted(
  needs: VerifyNeeds,
  actor: EventActor,
  here: ReachableStore,
  { signal, onFinding }: Repair,
): Promise<void> {
  let after: BlobId | undefined
  do {
    const page = await listUnfinishedQuarantines(needs.db, here, { after, limit: 100 })
    for (const half of page) {
      if (signal.aborted || (await here.files.stat(half.key)) !== undefined) continue
      if (await finishWithoutSource(needs, actor, here, half))
        onFinding({ ...findingAt(here, half.key), kind: 'finished', why: 'an earlier repair moved it to quarantine' })
    }
    after = page.at(-1)?.id
  } while (after !== undefined && !signal.aborted)
}

/**
 * Moves one orphan: name the copy in a row, copy, read back, check once more that no row or running backup may name the
 * orphan, remove it, record. False if it was not moved.
 */
async function quarantineOrphan(
  needs: RemoveNeeds,
  actor: EventActor,
  here: ReachableStore,
  orphan: FileStat,
): Promise<boolean> {
  const location: BlobLocation = { store: here.store, storeId: here.storeId, key: orphan.key }
  const reason = `an orphan, written ${orphan.modifiedAt.toISOString()}`
  const { quarantining, isThere } = await copyToQuarantine(needs, here, { key: orphan.key, size: orphan.size, reason })
  if (!isThere) {
    await finishWithoutSource(needs, actor, here, { ...quarantining, key: orphan.key })
    return false
  }
  if ((await isNamed(needs.db, location, quarantining.id)) || (await findIsBackupRunning(needs.db))) return false
  await here.files.remove(orphan.key)
  await recordQuarantined(needs, actor, location, quarantining)
  return true
}

/** The orphan is gone: another process removed it, or this one died after removing it. A copy that exists is recorded. */
async function finishWithoutSource(
  needs: RemoveNeeds,
  actor: EventActor,
  { store, storeId, files }: ReachableStore,
  half: UnfinishedQuarantine,
): Promise<boolean> {
  const isCopied = (await unlessMissing(hashBlob(files.quarantine, half.quarantineKey))) !== undefined
  if (isCopied) await recordQuarantined(needs, actor, { store, storeId, key: half.key }, half)
  else await deletePendingQuarantine(needs.db, half)
  return isCopied
}

async function recordQuarantined(
  { db, log }: RemoveNeeds,
  actor: EventActor,
  { store, storeId, key }: BlobLocation,
  quarantining: PendingQuarantine,
): Promise<void> {
  const about = { store, store_id: storeId, key, quarantine_key: quarantining.quarantineKey }
  const isNew = await inTransaction(db, async (trx) => {
    const isCommitted = await commitQuarantine(trx, quarantining)
    if (isCommitted) await recordEvent(trx, actor, { action: 'orphan.quarantined', outcome: 'ok', details: about })
    return isCommitted
  })
  if (isNew) log.warn({ event: 'orphan_quarantined', ...about }, 'orphan moved to quarantine')
}

const pageSize = 500

/** The files of one store that no row names. Throws if the store could not be asked. */
async function* walkOrphans(
  db: Db,
  { files, ...where }: ReachableStore,
  { signal, onListed }: { signal: AbortSignal; onListed?: (files: number) => void },
): AsyncGenerator<FileStat, undefined> {
  for await (const page of pagesOf(files.list(''), pageSize)) {
    if (signal.aborted) return
    onListed?.(page.length)
    const keys = page.map(({ key }) => key)
    for (const key of await findUnnamedKeys(db, where, keys)) {
      const orphan = await files.stat(key)
      if (orphan !== undefined) yield orphan
    }
  }
}

/** Reports unfinished multipart uploads that no row names. `not_allowed`: the credentials may not list them. */
async function walkOrphanUploads(
  db: Db,
  s3: GuardedS3,
  { signal, onFound }: { signal: AbortSignal; onFound: (upload: UnfinishedUpload) => Promise<void> },
): Promise<'listed' | 'not_allowed'> {
  let after: UnfinishedCursor | undefined
  do {
    const page = await s3.listUnfinished(after)
    if (page === 'not_allowed') return page
    const unnamed = await findUnnamedMultiparts(db, page.uploads)
    for (const upload of page.uploads) if (unnamed.has(upload.multipartId)) await onFound(upload)
    after = page.next
  } while (after !== undefined && !signal.aborted)
  return 'listed'
}

async function* pagesOf<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let page: Item[] = []
  for await (const item of items) {
    page.push(item)
    if (page.length < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
