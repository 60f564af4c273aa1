import { sql } from 'kysely'

import type { Actor, FirmId } from '../../vocabulary/vocabulary.ts'
import type { Db } from '../connection/client.ts'
import { type AccessRow, accessOf, type Membership, membershipFrom, type RightToCheck } from '../people/check-access.ts'
import { detailsOf } from './events.ts'

type ReadRequest = { firmId: FirmId; right: RightToCheck & { event: string } }

/**
 * As `requireMembership`, for a read. A read by an administrator or a reviewer in a firm that they act in from outside leaves
 * an event, in the same statement: without the event there is no read.
 */
export async function requireMembershipToRead(
  db: Db,
  actor: Actor,
  { firmId, right }: ReadRequest,
): Promise<Membership> {
  const { rows } = await sql<AccessRow>`
    with access as materialized (
      select * from ${accessOf({ caller: actor, firmId, right })} as access
    ),
    event as (
      insert into document_trail (action, outcome, firm_id, actor_id, ip, user_agent, request_id, details)
      select ${right.event}, 'ok', ${firmId}::uuid, ${actor.userId}::uuid, ${actor.ip}, ${actor.userAgent.toWellFormed()},
             ${actor.requestId}, ${JSON.stringify(detailsOf(actor, {}))}::jsonb
      from access where denial is null and role in ('administrator', 'reviewer')
    )
    select * from access`.execute(db)
  return membershipFrom(rows[0] ?? { denial: null, role: null }, { userId: actor.userId, firmId })
}
