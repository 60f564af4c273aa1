import type { EventActor } from '../../database/events.ts'
import { listHalfQuarantined } from '../../database/blobs/quarantine-blob.ts'
import type { BlobId } from '../../vocabulary.ts'
import type { Owner } from '../claim-store.ts'
import { type Finding, findingAt } from './finding.ts'
import { findStrayUploads } from './find-stray-uploads.ts'
import { findStrays } from './find-strays.ts'
import { endWithoutSource, type QuarantineNeeds, quarantineOrphan } from './quarantine-orphan.ts'
import { nameOf, type StoreHere } from '../stores-here.ts'

export type RepairNeeds = QuarantineNeeds & {
  /** Younger strays stay: somebody may be about to name them. */
  graceMs: number
}

/** What lies in one store. */
export type StoreCount = { files: number; strays: number }

const mostStrays = 100
const mostShare = 0.01

/** Why a store is not to be repaired, in a sentence; undefined when it may be. */
export function findRefusal(
  here: StoreHere,
  { owner, count, allowsMany }: { owner: Owner; count: StoreCount; allowsMany: boolean },
): string | undefined {
  const name = nameOf(here)
  switch (owner) {
    case 'anothers':
      return `Nothing was repaired on ${name}: its paniq-documents.json names another installation, whose files look like strays from here. Correct AWS_S3_BUCKET, UPLOADS_DIR or DATABASE_URL.`
    case 'nobodys':
      return `Nothing was repaired on ${name}: it belongs to no installation yet, and this one keeps nothing there. Set USE_S3_STORAGE=true if it is yours.`
    case 'ours':
  }
  const isMany = count.strays > mostStrays || count.strays > mostShare * count.files
  if (!isMany || allowsMany) return undefined
  return `Nothing was repaired on ${name}: strays are more than ${mostStrays} or 1 % of the files (${count.strays} of ${count.files}), as if this were another database's store. If it is right all the same, add --many.`
}

export type Repair = { signal: AbortSignal; onFinding: (finding: Finding) => void }

/** Puts aside the strays of one store that are older than the grace, ends unfinished uploads as old, and finishes what an earlier repair left half done. */
export async function repairStore(
  needs: RepairNeeds,
  actor: EventActor,
  here: StoreHere,
  repair: Repair,
): Promise<void> {
  const before = new Date(needs.now().getTime() - needs.graceMs)
  await finishHalfDone(needs, actor, here, repair)
  for await (const stray of findStrays(needs.db, here, repair)) {
    if (repair.signal.aborted) return
    if (stray.modifiedAt >= before) continue
    if ((await quarantineOrphan(needs, actor, here, stray)) !== 'quarantined') continue
    const { key, size: bytes, modifiedAt: since } = stray
    repair.onFinding({ ...findingAt(here, key), kind: 'quarantined', bytes, since, why: 'put aside, and recorded' })
  }
  if (here.store === 's3') await abortOld(needs, here, { before, ...repair })
}

/** Those whose stray is gone already; the others are met again as strays. */
async function finishHalfDone(
  needs: RepairNeeds,
  actor: EventActor,
  here: StoreHere,
  { signal, onFinding }: Repair,
): Promise<void> {
  let after: BlobId | undefined
  do {
    const page = await listHalfQuarantined(needs.db, here, { after, limit: 100 })
    for (const half of page) {
      if (signal.aborted || (await here.files.stat(half.key)) !== undefined) continue
      if (await endWithoutSource(needs, actor, here, half))
        onFinding({ ...findingAt(here, half.key), kind: 'finished', why: 'an earlier repair had put it aside' })
    }
    after = page.at(-1)?.id
  } while (after !== undefined && !signal.aborted)
}

async function abortOld(
  { db, log }: RepairNeeds,
  here: Extract<StoreHere, { store: 's3' }>,
  { before, signal, onFinding }: Repair & { before: Date },
): Promise<void> {
  await findStrayUploads(db, here.files, {
    signal,
    async onFound({ key, multipartId, startedAt }) {
      if (startedAt >= before || signal.aborted) return
      await here.files.abortMultipart(key, multipartId)
      log.warn({ event: 'stray_upload_aborted', key, multipart_id: multipartId }, 'an unfinished upload was ended')
      onFinding({ ...findingAt(here, key), kind: 'aborted', since: startedAt, why: `ended: ${multipartId}` })
    },
  })
}
