import { sql } from 'kysely'

import type { Db } from '../src/database/connection/client.ts'
import { inTransaction } from '../src/database/connection/in-transaction.ts'
import { timesInOffice } from './office-hours.ts'
import type { Aged } from './seed.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** How far back the documents go that wait for a reviewer, and all others. */
const waitingDays = 6
const historyDays = 29

/**
 * Moves what was seeded a moment ago back into the last weeks, as if firms had uploaded day by day. The audit trail stays as
 * it is: nothing can change it.
 */
export async function age(db: Db, aged: Aged[], now: Date): Promise<void> {
  await inTransaction(db, async (trx) => {
    const uploads = await listUploads(trx)
    for (const isWaiting of [false, true]) {
      const documents = uploads.filter((each) => each.isWaiting === isWaiting && !aged.some(({ id }) => id === each.id))
      const to = new Date(now.getTime() - 5 * 60_000)
      const from = new Date(now.getTime() - (isWaiting ? waitingDays : historyDays) * dayMs)
      const times = timesInOffice(documents.length, { from, to })
      for (const [index, { id }] of documents.entries()) await moveUploads(trx, id, times[index] ?? to)
    }
    for (const { id, days } of aged) await moveEnd(trx, { id, days, now })
    await followUploads(trx)
    await fillHistory(trx)
  })
}

/** In the order in which they were uploaded. */
async function listUploads(db: Db): Promise<{ id: string; isWaiting: boolean }[]> {
  const { rows } = await sql<{ id: string; isWaiting: boolean }>`
    select id, exists (select from document_review_queue q where q.document_id = documents.id) as "isWaiting"
    from documents order by created_at, id`.execute(db)
  return rows
}

/** A newer version came a day after the one before it, and reviewers take up to nine hours. */
async function moveUploads(db: Db, id: string, newest: Date): Promise<void> {
  await sql`update document_versions v set uploaded_at = moved.at, reviewed_at = case when reviewed_at is not null
      then least(moved.at + make_interval(hours => 2 + get_byte(uuid_send(v.id), 0) % 8), now() - interval '2 minutes') end
    from (
      select version, ${newest}::timestamptz - make_interval(days => (max(version) over () - version)::int) as at
      from document_versions where document_id = ${id}
    ) as moved
    where v.document_id = ${id} and v.version = moved.version`.execute(db)
}

/** Makes a document a year older, with an end of validity so many days from today. */
async function moveEnd(db: Db, { id, days, now }: Aged & { now: Date }): Promise<void> {
  await moveUploads(db, id, new Date(now.getTime() - 335 * dayMs))
  await sql`update document_versions set valid_until = valid_until + ${days}::integer
    where document_id = ${id}`.execute(db)
}

/** The platform's rows, the documents and the firms are as old as the uploads. */
async function followUploads(db: Db): Promise<void> {
  await sql`update firm_documents f set created_at = v.uploaded_at, updated_at = coalesce(v.reviewed_at, v.uploaded_at),
      verified_at = case when f.is_verified then v.reviewed_at end
    from documents d
    join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.shown_version
    where f.id = d.id and f.firm_id = d.firm_id`.execute(db)
  await sql`update documents d set created_at = v.first, updated_at = v.last
    from (
      select document_id, min(uploaded_at) as first, max(coalesce(reviewed_at, uploaded_at)) as last
      from document_versions group by document_id
    ) as v where v.document_id = d.id`.execute(db)
  await sql`update security_firms f set created_at = d.first - interval '1 hour'
    from (select firm_id, min(created_at) as first from documents group by firm_id) as d where d.firm_id = f.id`.execute(
    db,
  )
}

/**
 * The hourly figures that the service would have recorded. The current hour counts as final too, or the service would count
 * again, from the trail, that everything was uploaded in it.
 */
async function fillHistory(db: Db): Promise<void> {
  await sql`insert into document_history as h (hour, uploads, upload_bytes, counted_at, stored_bytes, errors)
    select hour, coalesce(uploads, 0), coalesce(bytes, 0), hour + interval '66 minutes',
      (select coalesce(sum(file_size), 0) from document_versions where uploaded_at < hour + interval '1 hour'),
      case hours_ago when 101 then 3 when 102 then 7 when 395 then 2 else 0 end
    from generate_series(0, 24 * 30) as hours_ago
    cross join lateral (select date_trunc('hour', now(), 'UTC') - make_interval(hours => hours_ago) as hour) as each
    left join (
      select date_trunc('hour', uploaded_at, 'UTC') as hour, count(*)::int as uploads, sum(file_size) as bytes
      from document_versions group by 1
    ) as uploaded using (hour)
    on conflict (hour) do update set uploads = excluded.uploads, upload_bytes = excluded.upload_bytes,
      counted_at = excluded.counted_at, stored_bytes = excluded.stored_bytes`.execute(db)
}
