import type { EventActor } from '../../database/audit/events.ts'
import { findStoredVersion, type StoredVersion } from '../../database/documents/versions-in-store.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { type ReportNeeds, reportDamaged } from '../stores/claim-store.ts'
import { hashBlob } from '../moving/buffer-source.ts'
import { findStore } from '../stores/stores.ts'
import { storeHash, markPresent } from '../../database/documents/missing-and-corrupt.ts'

export type CheckNeeds = ReportNeeds

export type HowToCheck = {
  /** Every byte; else presence and length alone. */
  reads: boolean
  signal: AbortSignal
}

/**
 * - `right`, `hashed`, `restored`: as its row says; and its hash was not known, or it had been found missing or wrong.
 * - `missing`, `wrong`: it is marked and answers `gone`.
 * - `unchecked`: its store could not be asked.
 * - `not_here`: on another disk, or in a store that is not set up here. `gone`: removed meanwhile.
 */
export type Checked = { version: StoredVersion } & (
  | { outcome: 'right' | 'hashed' | 'restored' | 'not_here' | 'gone' }
  | { outcome: 'missing' | 'wrong'; why: string }
  | { outcome: 'unchecked'; why: string; error?: StoreError }
)

const maxLocations = 3

/** Looks whether a version's bytes are where its row says, and are what its row says; follows it where it is moved meanwhile. */
export async function checkVersion(
  needs: CheckNeeds,
  actor: EventActor,
  version: StoredVersion,
  how: HowToCheck,
): Promise<Checked> {
  let current = version
  for (let place = 0; place < maxLocations; place += 1) {
    const checked = await checkAtLocation(needs, actor, current, how)
    if (checked !== undefined) return checked
    const moved = await findStoredVersion(needs.db, current)
    if (moved === undefined) return { version: current, outcome: 'gone' }
    current = moved
  }
  return { version: current, outcome: 'unchecked', why: 'was moved each time it was looked at' }
}

/** Undefined: its row names another place by now. */
async function checkAtLocation(
  needs: CheckNeeds,
  actor: EventActor,
  version: StoredVersion,
  how: HowToCheck,
): Promise<Checked | undefined> {
  const store = findStore(needs.stores, version)
  if (store === undefined) return { version, outcome: 'not_here' }
  const look = await compareTwice(store, version, how)
  switch (look.kind) {
    case 'right':
      return recordRight(needs, actor, version, look.sha256)
    case 'unchecked':
      return { version, outcome: 'unchecked', why: look.why, error: look.error }
    case 'missing':
    case 'wrong':
      // The platform's rows name no disk: what is not on this one may be on another.
      if (look.kind === 'missing' && version.store === 'local' && version.storeId === null)
        return { version, outcome: 'not_here' }
      return recordDamaged(needs, actor, version, look)
  }
}

/** Undefined: its row names another place by now, which is asked in the statement that marks it. */
async function recordDamaged(
  needs: CheckNeeds,
  actor: EventActor,
  version: StoredVersion,
  { kind, why }: Extract<Comparison, { kind: 'missing' | 'wrong' }>,
): Promise<Checked | undefined> {
  try {
    return (await reportDamaged(needs, actor, version, kind)) ? { version, outcome: kind, why } : undefined
  } catch (error) {
    // Whose the bucket is could not be asked, or it is not ours.
    if (error instanceof StoreError) return { version, outcome: 'unchecked', why: error.message, error }
    throw error
  }
}

async function recordRight(
  { db, log }: CheckNeeds,
  actor: EventActor,
  version: StoredVersion,
  sha256: Sha256 | undefined,
): Promise<Checked> {
  const { firmId, documentId, bytesState } = version
  if (bytesState === 'missing' || bytesState === 'wrong') {
    if (sha256 === undefined)
      return {
        version,
        outcome: bytesState,
        why: 'was found so before; only reading it tells whether it is right again',
      }
    if (await markPresent(db, actor, version, sha256)) {
      log.warn(
        { event: 'bytes_restored', firm_id: firmId, document_id: documentId, version: version.version },
        'the bytes of a document are right again',
      )
      return { version, outcome: 'restored' }
    }
  }
  const isHashed = version.sha256 === null && sha256 !== undefined && (await storeHash(db, version, sha256))
  return { version, outcome: isHashed ? 'hashed' : 'right' }
}

type Comparison =
  /** As its row says; `sha256` where the bytes were read. */
  | { kind: 'right'; sha256?: Sha256 }
  | { kind: 'missing' | 'wrong'; why: string }
  | { kind: 'unchecked'; why: string; error: StoreError }

type How = { reads: boolean; signal: AbortSignal }

/** Compares a version's bytes with its row. A difference is read a second time: one wrong answer is not enough. */
async function compareTwice(store: FileStore, version: StoredVersion, how: How): Promise<Comparison> {
  const first = await compareOnce(store, version, how)
  return first.kind === 'missing' || first.kind === 'wrong' ? compareOnce(store, version, how) : first
}

async function compareOnce(store: FileStore, version: StoredVersion, how: How): Promise<Comparison> {
  try {
    // A store that keeps silent does not keep whoever was told to end.
    return await untilAborted(
      how.reads ? compareContent(store, version, how.signal) : compareSize(store, version),
      how.signal,
    )
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'bytes_missing') return missing
    return { kind: 'unchecked', why: `could not be read: ${error.message}`, error }
  }
}

async function compareContent(store: FileStore, version: StoredVersion, signal: AbortSignal): Promise<Comparison> {
  const found = await hashBlob(store, version.key, signal)
  if (found.size !== version.fileSize) return wrongSize(found.size, version)
  if (version.sha256 !== null && found.sha256 !== version.sha256)
    return { kind: 'wrong', why: `its SHA-256 is ${found.sha256} instead of ${version.sha256}` }
  return { kind: 'right', sha256: found.sha256 }
}

async function compareSize(store: FileStore, version: StoredVersion): Promise<Comparison> {
  const stat = await store.stat(version.key)
  if (stat === undefined) return missing
  return stat.size === version.fileSize ? { kind: 'right' } : wrongSize(stat.size, version)
}

const missing: Comparison = { kind: 'missing', why: 'there is no file under its key' }

function wrongSize(size: number, { fileSize }: StoredVersion): Comparison {
  return { kind: 'wrong', why: `it has ${size} bytes instead of ${fileSize}` }
}
