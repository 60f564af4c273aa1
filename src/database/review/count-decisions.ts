import { sql } from 'kysely'

import type { FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'

/** How many versions a person decided on. */
export type DecisionCounts = { verified: number; rejected: number }

/**
 * The decisions of a person on the day of `now` in South Africa, from the audit trail. A version counts once, with their last
 * decision. `firmId`: of one firm.
 */
export async function countDecisionsOfDay(
  db: Db,
  userId: UserId,
  { now, firmId = null }: { now: Date; firmId?: FirmId | null | undefined },
): Promise<DecisionCounts> {
  const midnight = sql`date_trunc('day', ${now}::timestamptz, 'Africa/Johannesburg')`
  const { rows } = await sql<DecisionCounts>`
    select count(*) filter (where decision = 'verified')::integer as verified,
      count(*) filter (where decision = 'rejected')::integer as rejected
    from (
      select distinct on (document_id, version) details ->> 'decision' as decision
      from document_events
      where actor_id = ${userId} and occurred_at >= ${midnight} and action = 'document.reviewed' and outcome = 'ok'
        and (${firmId}::uuid is null or firm_id = ${firmId}::uuid)
      order by document_id, version, occurred_at desc, id desc
    ) as last_decisions`.execute(db)
  return rows[0] ?? { verified: 0, rejected: 0 }
}
