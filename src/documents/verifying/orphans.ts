import { listUnfinishedQuarantines } from '../../database/blobs/quarantine-blob.ts'
import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { type FileStat, StoreError } from '../../storage/file-store.ts'
import type { GuardedS3 } from '../../storage/s3/guard-s3.ts'
import type { UnfinishedCursor, UnfinishedUpload } from '../../storage/s3/s3-multipart.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { BlobId } from '../../vocabulary/vocabulary.ts'
import { claimStore, type Owner } from '../stores/claim-store.ts'
import { storeLabel, type ReachableStore } from '../stores/stores.ts'
import { type Finding, findingAt, type VerificationRun, type VerifyNeeds } from './verification.ts'
import { finishWithoutSource, type QuarantineNeeds, quarantineOrphan } from './quarantine-orphan.ts'
import { findUnnamedKeys, findUnnamedMultiparts } from '../../database/documents/verifications.ts'

/** Bytes to rows: names what lies in one store and is named by no row, and puts it aside where that is asked for. A store that cannot be asked is a finding of its own. */
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
    // A bucket that is merely in reach, and empty of papers: nothing to say.
    if (owner === 'nobodys' && count.orphans === 0) return
    const refusal = findRepairObstacle(here, { owner, count, allowsMany: repairs === 'many' })
    if (refusal === undefined) await repairStore(needs, actor, here, { signal, onFinding })
    else verified.notes.push(refusal)
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof StoreError)) throw error
    const why = `what lies there could not be listed: ${error.message}`
    onFinding({ ...findingAt(here, null), kind: 'unchecked', why })
  }
}

export type RepairNeeds = QuarantineNeeds & {
  /** Younger strays stay: somebody may be about to name them. */
  graceMs: number
}

type StoreCount = { files: number; orphans: number }

const maxOrphans = 100
const maxOrphanShare = 0.01

/** Why a store is not to be repaired, in a sentence; undefined when it may be. */
export function findRepairObstacle(
  here: ReachableStore,
  { owner, count, allowsMany }: { owner: Owner; count: StoreCount; allowsMany: boolean },
): string | undefined {
  const name = storeLabel(here)
  switch (owner) {
    case 'anothers':
      return `Nothing was repaired on ${name}: its paniq-documents.json names another installation, whose files look like strays from here. Correct AWS_S3_BUCKET, UPLOADS_DIR or DATABASE_URL.`
    case 'nobodys':
      return `Nothing was repaired on ${name}: it belongs to no installation yet, and this one keeps nothing there. Set USE_S3_STORAGE=true if it is yours.`
    case 'ours':
  }
  const isMany = count.orphans > maxOrphans || count.orphans > maxOrphanShare * count.files
  if (!isMany || allowsMany) return undefined
  return `Nothing was repaired on ${name}: strays are more than ${maxOrphans} or 1 % of the files (${count.orphans} of ${count.files}), as if this were another database's store. If it is right all the same, add --many.`
}

type Repair = { signal: AbortSignal; onFinding: (finding: Finding) => void }

/** Puts aside the strays of one store that are older than the grace, ends unfinished uploads as old, and finishes what an earlier repair left half done. */
async function repairStore(needs: RepairNeeds, actor: EventActor, here: ReachableStore, repair: Repair): Promise<void> {
  const before = new Date(needs.now().getTime() - needs.graceMs)
  await finishInterrupted(needs, actor, here, repair)
  for await (const stray of walkOrphans(needs.db, here, repair)) {
    if (repair.signal.aborted) return
    if (stray.modifiedAt >= before) continue
    if ((await quarantineOrphan(needs, actor, here, stray)) !== 'quarantined') continue
    const { key, size: bytes, modifiedAt: since } = stray
    repair.onFinding({ ...findingAt(here, key), kind: 'quarantined', bytes, since, why: 'put aside, and recorded' })
  }
  if (here.store === 's3') await abortOld(needs, here, { before, ...repair })
}

/** Those whose stray is gone already; the others are met again as strays. */
async function finishInterrupted(
  needs: RepairNeeds,
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
        onFinding({ ...findingAt(here, half.key), kind: 'finished', why: 'an earlier repair had put it aside' })
    }
    after = page.at(-1)?.id
  } while (after !== undefined && !signal.aborted)
}

async function abortOld(
  { db, log }: RepairNeeds,
  here: Extract<ReachableStore, { store: 's3' }>,
  { before, signal, onFinding }: Repair & { before: Date },
): Promise<void> {
  await walkOrphanUploads(db, here.files, {
    signal,
    async onFound({ key, multipartId, startedAt }) {
      if (startedAt >= before || signal.aborted) return
      await here.files.abortMultipart(key, multipartId)
      log.warn({ event: 'stray_upload_aborted', key, multipart_id: multipartId }, 'an unfinished upload was ended')
      onFinding({ ...findingAt(here, key), kind: 'aborted', since: startedAt, why: `ended: ${multipartId}` })
    },
  })
}

type Reporting = { signal: AbortSignal; onFinding: (finding: Finding) => void; notes: string[] }

/** Names each stray of a store, of any age, and each unfinished upload that nothing names. Yields how many files lie there, and how many of them are strays. */
async function reportOrphans({ db }: { db: Db }, here: ReachableStore, telling: Reporting): Promise<StoreCount> {
  const { signal, onFinding, notes } = telling
  const count: StoreCount = { files: 0, orphans: 0 }
  const onListed = (files: number) => {
    count.files += files
  }
  for await (const { key, size: bytes, modifiedAt: since } of walkOrphans(db, here, { signal, onListed })) {
    count.orphans += 1
    onFinding({ ...findingAt(here, key), kind: 'stray', bytes, since, why: 'no row names it' })
  }
  if (here.store === 'local' || signal.aborted) return count

  const listed = await walkOrphanUploads(db, here.files, {
    signal,
    onFound: async ({ key, multipartId, startedAt: since }) =>
      onFinding({
        ...findingAt(here, key),
        kind: 'stray_upload',
        since,
        why: `no row names this upload: ${multipartId}`,
      }),
  })
  if (listed === 'not_allowed')
    notes.push(
      'Unfinished uploads on S3 were not looked for: the credentials lack s3:ListBucketMultipartUploads. The rule of the bucket that ends unfinished uploads is enough.',
    )
  return count
}

const pageSize = 500

/** The files of one store that no row names, a page at a time. Throws when the store could not be asked. */
async function* walkOrphans(
  db: Db,
  { files, ...where }: ReachableStore,
  { signal, onListed }: { signal: AbortSignal; onListed?: (files: number) => void },
): AsyncGenerator<FileStat, undefined> {
  for await (const page of pagesOf(files.list(''), pageSize)) {
    if (signal.aborted) return
    onListed?.(page.length)
    const unnamed = await findUnnamedKeys(
      db,
      where,
      page.map(({ key }) => key),
    )
    for (const key of unnamed) {
      const stray = await files.stat(key)
      if (stray !== undefined) yield stray
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

/** The same items, so many together; the last page may be shorter. */
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
