import { recordEvent } from '../../database/audit/events.ts'
import type { Db } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { endOwnSession, listSessions, type OpenSession } from '../../database/people/sessions.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, Clock, SessionId } from '../../vocabulary/vocabulary.ts'
import { requirePerson } from '../require-right.ts'

type Needs = { db: Db; now: Clock }

/** `isCurrent`: the session of this request. */
export type OwnSession = OpenSession & { isCurrent: boolean }

/** The caller's open sessions, the last used first. */
export async function browseOwnSessions({ db, now }: Needs, actor: Actor): Promise<OwnSession[]> {
  await requirePerson(db, actor, 'sessions.listed')
  const sessions = await listSessions(db, actor.userId, now())
  return sessions.map((session) => Object.assign(session, { isCurrent: session.id === actor.sessionId }))
}

/** Ends one of the caller's sessions: its next request is denied. Throws `not_found` if it is not open, or another person's. */
export async function endOwnSessionById({ db, now }: Needs, actor: Actor, id: SessionId): Promise<void> {
  await requirePerson(db, actor, 'session.ended')
  await inTransaction(db, async (trx) => {
    if (!(await endOwnSession(trx, actor.userId, id, now())))
      throw new AppError('not_found', 'You have no such open session.')
    const details = { reason: 'revoked', session_id: id }
    await recordEvent(trx, actor, { action: 'session.ended', outcome: 'ok', details })
  })
}
