import type { Account } from '../database/accounts.ts'
import type { Tx } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { insertSession } from '../database/sessions.ts'
import type { Clock, Visitor } from '../vocabulary.ts'
import { lifeFrom } from './refresh-token.ts'
import { type TokenKeys, type Tokens, tokensFor } from './tokens.ts'

type Needs = { keys: TokenKeys; now: Clock }

/** Begins a session for a person who has just proved who they are, in the transaction that the proof belongs to. */
export async function startSession(needs: Needs, trx: Tx, visitor: Visitor, account: Account): Promise<Tokens> {
  const record = await insertSession(trx, account.id, lifeFrom(needs.now()))
  await recordEvent(trx, { ...visitor, userId: account.id }, { action: 'session.started', outcome: 'ok' })

  return await tokensFor(needs, account, record)
}
