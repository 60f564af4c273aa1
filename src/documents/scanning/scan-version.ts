import { createHash, randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import {
  commitQuarantine,
  deletePendingQuarantine,
  isNamed,
  removeInfected,
} from '../../database/blobs/quarantine-blob.ts'
import type { EventActor } from '../../database/audit/events.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import type { BlobLocation } from '../../database/documents/blob-location.ts'
import type { StoredVersion } from '../../database/documents/versions-in-store.ts'
import type { InconclusiveReason, Scanner, Verdict } from '../../scanner/scanner.ts'
import { isMissing } from '../../storage/file-store.ts'
import { isStorageKey, storageKeyOf } from '../../storage/storage-key.ts'
import type { BlobId, StorageKey } from '../../vocabulary/vocabulary.ts'
import { type ReportNeeds, reportDamaged } from '../stores/claim-store.ts'
import { removeNow } from '../stores/remove-blobs.ts'
import { findBlobHash, copyToQuarantine } from '../moving/copy-to-quarantine.ts'
import { type ReachableStore, reachableStores } from '../stores/stores.ts'
import type { QuarantineNeeds } from '../verifying/quarantine-orphan.ts'
import { type ScanOccasion, runScan, type Scanning } from '../upload/scan-upload.ts'
import { type DueScan, postponeScan, recordClean, recordInfected } from '../../database/documents/scans.ts'

export type ScanVersionNeeds = QuarantineNeeds &
  ReportNeeds & { metrics: Scanning['metrics'] } & {
    scanner: Scanner
    log: Logger
  }

/**
 * - `undecided`: the scanner cannot say; it is tried again later, and later still.
 * - `no_scanner`: it was not there or had no time; nothing was learned of this file.
 * - `unread`: its bytes could not be had from here, or were not whole.
 */
export type ScanOutcome = 'clean' | 'infected' | 'undecided' | 'no_scanner' | 'unread'

/** What a file may take that nobody waits for. */
const verdictMs = 180_000

const firstPauseSeconds = 30
const maxPauseSeconds = 6 * 60 * 60
const dayMs = 24 * 60 * 60 * 1000

type Scan = { here: ReachableStore; version: DueScan; occasion: ScanOccasion; signal: AbortSignal }

/** Scans one stored version that was claimed for it, and acts on the verdict. Throws when the database does not answer. */
export async function scanVersion(needs: ScanVersionNeeds, actor: EventActor, scan: Scan): Promise<ScanOutcome> {
  const { version } = scan
  const begunAt = performance.now()
  const verdict = await readAndScan(needs, actor, scan)
  if (verdict === 'unread' || verdict === 'elsewhere') {
    const isFilesDoing = verdict === 'unread'
    // By lot: in step with its holder's sweeps, who does not have the file would always come first.
    const seconds = isFilesDoing ? pauseAfter(version.attempts) : 1 + Math.random() * 60
    await postponeScan(needs.db, version, { seconds, isFilesDoing })
    return 'unread'
  }
  switch (verdict.kind) {
    case 'clean':
      await recordClean(needs.db, actor, version, { secondsAgo: (performance.now() - begunAt) / 1000 })
      return 'clean'
    case 'infected':
      await handleInfected(needs, actor, scan, verdict.signature)
      return 'infected'
    case 'cannot_say':
      return await postpone(needs, version, verdict.why)
  }
}

async function handleInfected(
  needs: ScanVersionNeeds,
  actor: EventActor,
  scan: Scan,
  signature: string,
): Promise<void> {
  const { here, version } = scan
  const { recorded } = await recordInfected(needs.db, actor, version, signature)
  if (!recorded) return
  needs.log.error(
    {
      event: 'document_quarantined',
      firm_id: version.firmId,
      document_id: version.documentId,
      version: version.version,
      signature,
    },
    'a virus was found in a document that was kept; it goes to quarantine',
  )
  await quarantineLater(needs, here, { ...version, signature })
}

/** Moves infected bytes to quarantine; a failure is left to the next sweep. True when they were moved. */
export async function quarantineLater(
  needs: ScanVersionNeeds,
  here: ReachableStore,
  version: StoredVersion & { signature: string },
): Promise<boolean> {
  try {
    return await quarantineVersion(needs, here, version)
  } catch (error) {
    const { store, key } = version
    needs.log.error(
      { event: 'quarantine_failed', store, key, err: error },
      'infected bytes could not be moved; it is tried again',
    )
    return false
  }
}

/** A scanner that is away says nothing of the file; one that fails at it may fail at it again. */
async function postpone(
  needs: ScanVersionNeeds,
  version: DueScan,
  why: InconclusiveReason,
): Promise<'undecided' | 'no_scanner'> {
  if (why === 'unreachable' || why === 'busy') {
    await postponeScan(needs.db, version, { seconds: 0, isFilesDoing: false })
    return 'no_scanner'
  }
  await postponeScan(needs.db, version, { seconds: pauseAfter(version.attempts), isFilesDoing: true })
  const isOverdue = needs.now().getTime() - version.waitingSince.getTime() > dayMs
  const about = {
    firm_id: version.firmId,
    document_id: version.documentId,
    version: version.version,
    why,
    attempts: version.attempts + 1,
  }
  if (version.scanStatus !== 'clean' && isOverdue)
    needs.log.error({ event: 'scan_overdue', ...about }, 'the scanner cannot say of a document for more than a day')
  else needs.log.warn({ event: 'scan_undecided', ...about }, 'the scanner cannot say; it is asked again')
  return 'undecided'
}

function pauseAfter(attempts: number): number {
  return Math.min(maxPauseSeconds, firstPauseSeconds * 2 ** Math.min(attempts, 20))
}

/** `unread`: the bytes could not be read whole and right. `elsewhere`: they may be on another disk. */
async function readAndScan(
  needs: ScanVersionNeeds,
  actor: EventActor,
  scan: Scan,
): Promise<Verdict | 'unread' | 'elsewhere'> {
  const { here, version, occasion, signal } = scan
  const seen = { size: 0, hash: createHash('sha256') }
  try {
    const watched = async function* () {
      // Opened by the first read, when the scanner has a turn for it: S3 cuts a connection that waits, which looks like
      // an outage. A store yields buffers; the type of a stream cannot say so.
      for await (const piece of (await here.files.read(version.key)) as AsyncIterable<Buffer>) {
        seen.size += piece.length
        seen.hash.update(piece)
        yield piece
      }
    }
    const verdict = await runScan(needs, occasion, watched(), { signal, verdictMs })
    if (verdict.kind === 'cannot_say') return verdict
    const isWhole = seen.size === version.fileSize && [null, seen.hash.digest('hex')].includes(version.sha256)
    if (isWhole || verdict.kind === 'infected') return verdict
    logUnread(needs.log, version, 'other bytes than were stored')
  } catch (error) {
    if (signal.aborted) {
      await postponeScan(needs.db, version, { seconds: 0, isFilesDoing: false })
      throw signal.reason
    }
    if (isMissing(error) && mayBeElsewhere(version)) return 'elsewhere'
    if (isMissing(error)) await reportDamaged(needs, actor, version, 'missing')
    else logUnread(needs.log, version, error)
  }
  return 'unread'
}

function logUnread(log: Logger, { store, key }: DueScan, why: unknown): void {
  log.warn(
    { event: 'scan_unread', store, key, ...(typeof why === 'string' ? { why } : { err: why }) },
    'a file could not be read to be scanned',
  )
}

/**
 * Moves infected bytes to quarantine, so that links to them die: copy and prove, remove the names, remove the bytes and the
 * leftovers of moves. It may be killed and run again. False where its bytes may be on another disk.
 */
export async function quarantineVersion(
  needs: QuarantineNeeds,
  here: ReachableStore,
  version: StoredVersion & { signature: string },
): Promise<boolean> {
  const { key, fileSize: size, signature } = version
  if (mayBeElsewhere(version) && (await here.files.stat(key)) === undefined) return false
  const { quarantining, isThere } = await copyToQuarantine(needs, here, {
    key,
    nameKey: isStorageKey(key) ? key : createKey(version),
    size,
    reason: `a virus: ${signature}`,
    of: version,
  })
  // In one transaction: the version has no bytes any more exactly when its copy is in quarantine.
  const leaving = await inTransaction(needs.db, async (trx) => {
    if (isThere) await commitQuarantine(trx, quarantining)
    return removeInfected(trx, version, here.storeId)
  })
  await removeEverywhere(needs, leaving)
  if (isThere) return true
  // Where its bytes were gone, another process may have set them aside at the same moment, under this name or another.
  const isAside = (await findBlobHash(here.files.quarantine, quarantining.quarantineKey)) !== undefined
  if (isAside) await commitQuarantine(needs.db, quarantining)
  else await deletePendingQuarantine(needs.db, quarantining)
  return true
}

async function removeEverywhere(needs: QuarantineNeeds, leaving: (BlobLocation & { id: BlobId })[]): Promise<void> {
  const { db, stores } = needs
  for (const here of reachableStores(stores)) {
    const ids = leaving.filter(({ store, storeId }) => store === here.store && storeId === here.storeId)
    await removeNow(
      needs,
      here,
      ids.map(({ id }) => id),
    )
  }
  const { local } = stores
  for (const place of leaving.filter(({ store, storeId }) => store === 'local' && storeId === null)) {
    if (!(await isNamed(db, place, place.id))) await local.remove(place.key)
  }
}

/** The platform's rows name no disk. */
function mayBeElsewhere({ store, storeId }: StoredVersion): boolean {
  return store === 'local' && storeId === null
}

/** The platform ends its keys with whatever its users' file names did. */
function createKey({ firmId, documentType }: StoredVersion): StorageKey {
  return storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: 'bin' })
}
