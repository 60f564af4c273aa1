import { sql } from 'kysely'

import type { BlobId, ProcessId, QuarantineKey, StorageKey, StoreId, StoreName } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { isAtLocation, type BlobLocation } from '../documents/versions-in-store.ts'
import type { StoredVersion } from '../documents/versions-in-store.ts'
import { claimSeconds, isNamedByVersion, leaving, unclaimed } from './blob.ts'

/** A copy into quarantine that is not committed. Its key is recorded; its bytes may exist or not. */
export type PendingQuarantine = { id: BlobId; quarantineKey: QuarantineKey }

type QuarantineRequest = {
  quarantineKey: QuarantineKey
  /** Used if the first key is taken. */
  alternativeKey: QuarantineKey
  bytes: number
  reason: string
  /** The infected version; undefined: an orphan. */
  of: Pick<StoredVersion, 'firmId' | 'documentId' | 'versionId'> | undefined
}

/**
 * Inserts the copy's row before its first byte is written, or finds the row of an earlier attempt. A move of the same version
 * in progress loses its claim. If there is a document, the transaction must have locked it.
 */
export async function openQuarantine(
  trx: Tx,
  processId: ProcessId,
  location: BlobLocation,
  { quarantineKey, alternativeKey, ...request }: QuarantineRequest,
): Promise<PendingQuarantine> {
  const opened =
    (await findPendingQuarantine(trx, location)) ??
    (await nameCopy(trx, processId, location, { ...request, quarantineKey })) ??
    // Another process may have inserted it meanwhile, or an earlier copy has this key.
    (await findPendingQuarantine(trx, location)) ??
    (await nameCopy(trx, processId, location, { ...request, quarantineKey: alternativeKey }))
  if (opened === undefined) throw new Error('the alternative quarantine key is taken')
  return opened
}

async function findPendingQuarantine(
  trx: Tx,
  { store, storeId, key }: BlobLocation,
): Promise<PendingQuarantine | undefined> {
  const { rows } = await sql<PendingQuarantine>`
    select id, storage_key as "quarantineKey" from document_blobs
    where state = 'incoming' and source_key = ${key} and store = ${store} and store_id is not distinct from ${storeId}::uuid
    limit 1`.execute(trx)
  return rows[0]
}

const noVersion = { firmId: null, documentId: null, versionId: null }

async function nameCopy(
  trx: Tx,
  processId: ProcessId,
  { store, storeId, key }: BlobLocation,
  { quarantineKey, bytes, reason, of }: Omit<QuarantineRequest, 'alternativeKey'>,
): Promise<PendingQuarantine | undefined> {
  const { documentId, versionId, firmId } = of ?? { ...noVersion, firmId: firmInKey.exec(key)?.[1] ?? null }
  const { rows } = await sql<PendingQuarantine>`
    with moving as (
      update document_blobs set ${leaving(sql`now() + interval '1 day'`)}
      where document_id = ${documentId}::uuid and version_id = ${versionId}::uuid and state = 'incoming'
      returning id
    )
    insert into document_blobs (firm_id, document_id, version_id, store, store_id, storage_key, state, bytes, source_id, source_key,
      reason, claimed_by, claimed_until)
    select ${firmId}::uuid, ${documentId}::uuid, ${versionId}::uuid, ${store}, ${storeId}::uuid, ${quarantineKey}, 'incoming',
      ${bytes}::bigint,
      (select id from document_blobs
       where document_id = ${documentId}::uuid and version_id = ${versionId}::uuid and state = 'live' limit 1),
      ${key}, ${reason}, ${processId}::uuid, now() + make_interval(secs => ${claimSeconds})
    from (select count(*) from moving) as waited
    on conflict do nothing
    returning id, storage_key as "quarantineKey"`.execute(trx)
  return rows[0]
}

/** Matches our own keys. The platform's keys may have any text there. */
const firmInKey = /^security_firms\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//i

/** Gives the copy another key, because the first one has other content. False if another process renamed or ended it. */
export async function renameQuarantine(
  db: Db,
  { id, quarantineKey }: PendingQuarantine,
  another: QuarantineKey,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_blobs set storage_key = ${another}
    where id = ${id} and storage_key = ${quarantineKey} and state = 'incoming'`.execute(db)
  return numAffectedRows === 1n
}

/** Marks a verified copy as quarantined. False if another process has done so. */
export async function commitQuarantine(trx: Tx | Db, { id }: PendingQuarantine): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_blobs set state = 'quarantined', source_id = null, due_at = null, changed_at = now(), ${unclaimed}
    where id = ${id} and state = 'incoming'`.execute(trx)
  return numAffectedRows === 1n
}

/** For a copy without bytes whose source is gone too. */
export async function deletePendingQuarantine(db: Db, { id, quarantineKey }: PendingQuarantine): Promise<void> {
  await sql`
    delete from document_blobs where id = ${id} and storage_key = ${quarantineKey} and state = 'incoming'`.execute(db)
}

/**
 * Removes the content of an infected version: its blob and the leaving sources of its moves become due at once, so that
 * links stop working. `readFrom`: the local store that the blob was read from, which rows of the platform do not name.
 * Returns the blobs with their locations; none if another process was first or the version changed meanwhile. Old blobs that
 * the platform moved away have no store id. They keep their due time, and the caller looks for them in its own local store.
 */
export async function removeInfected(
  db: Db | Tx,
  { firmId, documentId, versionId, ...location }: StoredVersion,
  readFrom: StoreId | null,
): Promise<(BlobLocation & { id: BlobId })[]> {
  const { rows } = await sql<BlobLocation & { id: BlobId }>`
    with infected as (
      update document_versions set bytes_state = 'removed', is_fallback = false
      where firm_id = ${firmId} and id = ${versionId} and scan_status = 'infected' and ${isAtLocation(location)}
        and bytes_state <> 'removed'
      returning id
    )
    update document_blobs b set state = 'leaving', changed_at = now(),
      store_id = case when b.state = 'live' and b.store = 'local' then coalesce(b.store_id, ${readFrom}::uuid) else b.store_id end,
      due_at = case when b.state = 'live' or b.store = 's3' or b.store_id is not null then now() else b.due_at end
    from infected v
    where b.document_id = ${documentId}::uuid and b.version_id = v.id and b.claimed_by is null
      -- The target of a move may still be written, so it keeps its due time.
      and (b.state = 'live' or b.state = 'leaving' and b.source_id is null)
    returning b.id, b.store, b.store_id as "storeId", b.storage_key as key`.execute(db)
  return rows
}

export type UnfinishedQuarantine = PendingQuarantine & { key: StorageKey }

/** Lists the unfinished copies into quarantine of one store, a page in the order of their ids. */
export async function listUnfinishedQuarantines(
  db: Db,
  { store, storeId }: { store: StoreName; storeId: StoreId | null },
  { after, limit }: { after: BlobId | undefined; limit: number },
): Promise<UnfinishedQuarantine[]> {
  const { rows } = await sql<UnfinishedQuarantine>`
    select id, storage_key as "quarantineKey", source_key as key from document_blobs
    where state = 'incoming' and source_key is not null and store = ${store}
      and store_id is not distinct from ${storeId}::uuid and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
    order by id limit ${limit}`.execute(db)
  return rows
}

/**
 * A system task: whether a version, a row of the platform or a blob other than `except` names this location. It needs no
 * lock: keys are written once, so no row will name a location that none names now.
 */
export async function isNamed(db: Db, { store, storeId, key }: BlobLocation, except: BlobId | null): Promise<boolean> {
  const location = { store: sql`${store}::text`, storeId: sql`${storeId}::uuid`, key: sql`${key}::text` }
  const { rows } = await sql<{ isNamed: boolean }>`
    select ${isNamedByVersion(location)} or exists (
      select from document_blobs b where b.storage_key = ${key} and b.store = ${store}
        and (b.store_id is null or b.store_id = ${storeId}::uuid) and b.state in ('incoming', 'live', 'leaving')
        and b.id is distinct from ${except}::uuid) as "isNamed"`.execute(db)
  return rows[0]?.isNamed ?? true
}
