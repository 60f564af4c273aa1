import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'

import type { Db } from '../../../src/database/connection/client.ts'
import type { FirmId, StoreName } from '../../../src/vocabulary/vocabulary.ts'

type Ground = { db: Db; firm: FirmId }
type Version = { bytes: number; daysAgo: number; store?: StoreName; bytesState?: string }

/** Creates only rows, since the cost depends only on them. Returns the document's id. */
export async function seedVersion({ db, firm }: Ground, version: Version): Promise<string> {
  const id = randomUUID()
  const { bytes, daysAgo, store = 's3', bytesState = 'present' } = version
  await sql`
    with d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      values (${firm}, ${id}, 'tax_clearance', 1, ${randomUUID()})
    )
    insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
      bytes_state, scan_status, uploaded_by, uploaded_at)
    values (${firm}, ${id}, 1, 'clearance.pdf', ${bytes}, 'application/pdf', ${store}, ${`security_firms/${firm}/${id}`},
      ${bytesState}, 'skipped', ${randomUUID()}, ${daysBefore(daysAgo)})`.execute(db)
  return id
}

type Download = { document: string; daysAgo?: number; outcome?: string; action?: string; times?: number }

export async function seedDownload({ db, firm }: Ground, download: Download): Promise<void> {
  const { document, daysAgo = 0, outcome = 'ok', action = 'document.downloaded', times = 1 } = download
  await sql`
    insert into document_events (occurred_at, firm_id, document_id, version, action, outcome, request_id, personal_commitment)
    select ${daysBefore(daysAgo)}, ${firm}::uuid, ${document}::uuid, 1, ${action}, ${outcome}, 'r', sha256('')
    from generate_series(1, ${times}::int)`.execute(db)
}

type Purged = {
  versions: number[]
  hiddenDaysAgo?: number
  disposedDaysAgo?: number
  store?: StoreName
  isDestroyed?: true
}

/** A disposal record, with a file for each version. */
export async function seedPurged({ db, firm }: Ground, purged: Purged): Promise<void> {
  const { versions, hiddenDaysAgo, disposedDaysAgo = 0, store = 's3', isDestroyed } = purged
  const state = isDestroyed === true ? 'destroyed' : hiddenDaysAgo === undefined ? 'leaving' : 'hidden'
  const listed = JSON.stringify(versions.map((bytes, index) => ({ version: index + 1, bytes })))
  await sql`
    with d as (
      insert into document_disposals (firm_id, document_id, document_type, created_by, created_at, deleted_at, versions,
        why, disposed_by, request_id, disposed_at)
      values (${firm}, ${randomUUID()}, 'tax_clearance', ${randomUUID()}, now(), now(), ${listed}::jsonb, 'a test',
        'a test', 'r', ${daysBefore(disposedDaysAgo)})
      returning *
    )
    insert into document_blobs (disposal_id, firm_id, document_id, store, storage_key, state, bytes, changed_at)
    select d.id, d.firm_id, d.document_id, ${store}, gen_random_uuid()::text, ${state}, bytes,
      ${daysBefore(hiddenDaysAgo ?? disposedDaysAgo)}
    from d, unnest(${versions}::bigint[]) as bytes`.execute(db)
}

/** An hour into that day, so that the duration of the test does not change the day. */
const daysBefore = (days: number) => sql`now() - make_interval(days => ${days}::int, hours => 1)`
