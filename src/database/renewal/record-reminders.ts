import { sql } from 'kysely'

import type { FirmId, VersionId } from '../../vocabulary/vocabulary.ts'
import type { Tx } from '../connection/client.ts'

export type NewDigest = {
  id: string
  firmId: FirmId
  day: string
  documents: object[]
  recipients: number
}

/** Inserts the digests that their firms do not have yet on that day, and returns the firms that got one. */
export async function insertDigests(trx: Tx, digests: NewDigest[], createdAt: Date): Promise<Set<FirmId>> {
  if (digests.length === 0) return new Set()
  const { rows } = await sql<{ firmId: FirmId }>`
    insert into document_digests (id, firm_id, day, documents, recipients, created_at)
    select id, "firmId", day, documents, recipients, ${createdAt}
    from jsonb_to_recordset(${JSON.stringify(digests)}::jsonb)
      as each (id uuid, "firmId" uuid, day date, documents jsonb, recipients integer)
    order by "firmId"
    on conflict do nothing returning firm_id as "firmId"`.execute(trx)
  return new Set(rows.map(({ firmId }) => firmId))
}

/** What was said about a version. Null: what is known stays. */
export type Said = {
  firmId: FirmId
  versionId: VersionId
  validUntil: string
  remindedDays: number | null
  expiringAt: Date | null
  expiredAt: Date | null
}

/** With another end of the version, what was said about the former one does not count. */
export async function recordSaid(trx: Tx, said: Said[]): Promise<void> {
  if (said.length === 0) return
  await sql`
    insert into document_reminders as known (firm_id, version_id, valid_until, reminded_days, expiring_at, expired_at)
    select "firmId", "versionId", "validUntil", "remindedDays", "expiringAt", "expiredAt"
    from jsonb_to_recordset(${JSON.stringify(said)}::jsonb)
      as each ("firmId" uuid, "versionId" uuid, "validUntil" date, "remindedDays" smallint, "expiringAt" timestamptz,
        "expiredAt" timestamptz)
    on conflict (firm_id, version_id) do update set valid_until = excluded.valid_until,
      reminded_days = case when known.valid_until = excluded.valid_until
        then coalesce(excluded.reminded_days, known.reminded_days) else excluded.reminded_days end,
      expiring_at = case when known.valid_until = excluded.valid_until
        then coalesce(known.expiring_at, excluded.expiring_at) else excluded.expiring_at end,
      expired_at = case when known.valid_until = excluded.valid_until
        then coalesce(known.expired_at, excluded.expired_at) else excluded.expired_at end,
      reported_at = case when known.valid_until = excluded.valid_until then known.reported_at end`.execute(trx)
}
