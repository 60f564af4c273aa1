import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { lockAccount } from '../../database/people/accounts.ts'
import {
  type ApiKey,
  type ApiKeyPage,
  type ApiKeyRecord,
  insertApiKey,
  listApiKeys,
  revokeApiKey,
} from '../../database/people/api-keys.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import { lockMembersOf } from '../../database/people/firms.ts'
import { AccessDenied, AppError } from '../../errors/app-error.ts'
import { type NotifyNeeds, notifyOfChange } from '../../mail/notify.ts'
import type { Actor, ApiKeyId, ApiKeyScope, Clock, FirmId } from '../../vocabulary/vocabulary.ts'
import { type ProofNeeds, requireFreshProof } from '../passwords/prove-password.ts'
import {
  assertAdministrator,
  recordDenial,
  requireAdministrator,
  requirePerson,
  requireRight,
  requireVerifiedEmail,
} from '../require-right.ts'
import { rights } from '../rights.ts'
import { createApiKey } from '../sessions/identify-api-key.ts'
import { lacksSecondFactor, type RestrictionNeeds } from '../sessions/session-limits.ts'
import { aboutKey } from './revoke-api-keys.ts'

type Needs = { db: Db; now: Clock }
type MakingNeeds = ProofNeeds & NotifyNeeds & Pick<RestrictionNeeds, 'secondFactor'>

type ApiKeyRequest = {
  name: string
  scopes: ApiKeyScope[]
  /** Undefined: every firm, for administrators of the platform. */
  firmId: FirmId | undefined
  /** Undefined: in 90 days. */
  expiresAt: Date | undefined
  /** Required when the session is not new. */
  password: string | undefined
}

const dayMs = 24 * 60 * 60 * 1000
const defaultDays = 90
const maxDays = 365
const maxKeysOfPerson = 20

/** Only administrators of the platform have the rights of these scopes. */
const administratorsScopes: ReadonlySet<ApiKeyScope> = new Set(['review', 'operations:read'])

/**
 * Makes a key that acts as its maker within its scopes and its firm. The key is in this result only. It is for a person with a
 * verified e-mail who proved lately that it is them, and has the second factor that `SECOND_FACTOR` requires of them. Throws the denial,
 * `validation_failed` for a wrong expiry, and `conflict` for a person with too many keys.
 */
export async function makeApiKey(
  needs: MakingNeeds,
  actor: Actor,
  request: ApiKeyRequest,
): Promise<ApiKey & { key: string }> {
  const { db, now } = needs
  const { name, firmId } = request
  const scopes = [...new Set(request.scopes)]
  await requireMaker(db, actor, { scopes, firmId })
  await requireProofs(needs, actor, request.password)
  const createdAt = now()
  const expiresAt = checkExpiry(request.expiresAt, createdAt)
  const { key, sha256, prefix } = createApiKey()

  return await recordDenial(db, actor, { action: 'api_key.created' }, () =>
    inTransaction(db, async (trx) => {
      await assertIsStillMaker(trx, actor, firmId)
      const row = { name, scopes, firmId: firmId ?? null, userId: actor.userId, createdAt, expiresAt, sha256, prefix }
      const made = await insertApiKey(trx, row, maxKeysOfPerson)
      if (made === undefined)
        throw new AppError('conflict', `You have ${maxKeysOfPerson} valid API keys. Delete one first.`)
      await recordEvent(trx, actor, { action: 'api_key.created', outcome: 'ok', ...aboutKey(made) })
      await notifyOfChange(needs, trx, actor.userId, { change: 'api_key_made', name })
      return { ...made, key }
    }),
  )
}

/** Again behind the locks of a demotion and of an erasure, which end the keys that they find. */
async function assertIsStillMaker(trx: Tx, actor: Actor, firmId: FirmId | undefined): Promise<void> {
  if (firmId !== undefined) await lockMembersOf(trx, firmId)
  await lockAccount(trx, actor.userId)
  if (firmId === undefined) await assertAdministrator(trx, actor)
  else await requireMembership(trx, { caller: actor, firmId, right: rights['api_keys.create'] })
}

async function requireMaker(
  db: Db,
  actor: Actor,
  { scopes, firmId }: { scopes: ApiKeyScope[]; firmId: FirmId | undefined },
): Promise<void> {
  if (firmId === undefined) {
    await requireAdministrator(db, actor, 'api_key.created', {
      advice: 'For a key of your own firm, give its firm_id.',
    })
    return
  }
  const { role } = await requireRight({ db }, actor, 'api_keys.create', { firmId })
  if (scopes.includes('operations:read')) throw invalid('scopes', 'must not have operations:read in a key of one firm')
  if (role !== 'administrator' && scopes.some((scope) => administratorsScopes.has(scope)))
    throw invalid('scopes', 'may have review only in a key of an administrator of the platform')
}

/** A key lives longer than a stolen session, and its use asks for no second factor. */
async function requireProofs(needs: MakingNeeds, actor: Actor, password: string | undefined): Promise<void> {
  const { db } = needs
  const action = 'api_key.created'
  const person = await requirePerson(db, actor, action)
  await requireVerifiedEmail(needs, actor, action)
  // Personnel of the platform have no second factor here.
  if (person.userType === 'registered_user')
    await recordDenial(db, actor, { action }, async () => {
      if (await inTransaction(db, (trx) => lacksSecondFactor(needs, trx, person.id)))
        throw new AccessDenied('second_factor_required')
    })
  await requireFreshProof(needs, actor, { action, email: person.email, password })
}

function checkExpiry(expiresAt: Date | undefined, now: Date): Date {
  if (expiresAt === undefined) return new Date(now.getTime() + defaultDays * dayMs)
  if (expiresAt <= now) throw invalid('expires_at', 'must be in the future')
  if (expiresAt.getTime() > now.getTime() + maxDays * dayMs)
    throw invalid('expires_at', `must be at most ${maxDays} days ahead`)
  return expiresAt
}

function invalid(field: string, message: string): AppError {
  return new AppError('validation_failed', `Not valid: ${field}: ${message}.`, { fields: [{ field, message }] })
}

/** Lists the keys that the caller may revoke, newest first, or those of one firm. An administrator, who sees all, leaves an event. */
export async function browseApiKeys(
  { db }: Pick<Needs, 'db'>,
  actor: Actor,
  page: ApiKeyPage & { firmId: FirmId | undefined },
): Promise<ApiKeyRecord[]> {
  const action = 'api_keys.listed'
  const { id: userId, isAdministrator } = await requirePerson(db, actor, action)
  if (isAdministrator) await recordEvent(db, actor, { action, outcome: 'ok' })
  return await listApiKeys(db, { userId, isAdministrator }, page)
}

/** Revokes a key: its next request is denied. Throws `not_found`, also for a key that the caller does not manage. */
export async function deleteApiKey({ db, now }: Needs, actor: Actor, id: ApiKeyId): Promise<void> {
  const { id: userId, isAdministrator } = await requirePerson(db, actor, 'api_key.deleted')
  await inTransaction(db, async (trx) => {
    const key = await revokeApiKey(trx, { userId, isAdministrator }, { id, at: now() })
    if (key === undefined) throw new AppError('not_found', 'You have no such API key.')
    await recordEvent(trx, actor, { action: 'api_key.deleted', outcome: 'ok', ...aboutKey(key) })
  })
}
