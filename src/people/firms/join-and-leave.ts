import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { deleteLinks } from '../../database/mail/link-tokens.ts'
import { lockMembersOf } from '../../database/people/firms.ts'
import {
  deleteInvitation,
  findInvitation,
  type FoundInvitation,
  type Invitation,
  type InvitationKey,
  listInvitationsOf,
} from '../../database/people/open-invitations.ts'
import { deleteMember, findStatus, insertMember, type MemberRecord } from '../../database/people/members.ts'
import { type Factors, findFactors } from '../../database/second-factors/factors.ts'
import { findUnverifiedEmail } from '../../database/people/unverified-emails.ts'
import { requireMembership } from '../../database/people/check-access.ts'
import type { Person } from '../../database/people/accounts.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, Clock, FirmId, InvitationId, MemberStatus, UserId } from '../../vocabulary/vocabulary.ts'
import { assertVerifiedEmail, recordDenial, requirePerson, requireRegisteredUser } from '../require-right.ts'
import { rights } from '../rights.ts'
import { assertNotLastAdmin, changeMembersOf, endLostGrants, requireMember } from './members.ts'

type Needs = { db: Db; now: Clock }
type ConsentNeeds = Needs & { mailIsOn: boolean }

/** What the link alone shows, before its person logs in. Throws `not_found`. */
export async function viewInvitation({ db, now }: Needs, secret: string): Promise<Invitation> {
  return (await findInvitation(db, { sha256: hashSecret(secret) }, { now: now() })) ?? rejectUnknown()
}

/** A person, how they sign in, and the invitations that they can accept. */
export type Self = { person: Person; isEmailVerified: boolean; factors: Factors; invitations: Invitation[] }

export async function viewSelf({ db, now, mailIsOn }: ConsentNeeds, actor: Actor): Promise<Self> {
  const person = await requirePerson(db, actor, 'account.viewed')
  const isEmailVerified = !mailIsOn || (await findUnverifiedEmail(db, actor.userId)) === undefined
  // Personnel of the platform cannot accept any. An e-mail that nobody verified may be somebody else's.
  const isTheirs = person.userType === 'registered_user' && isEmailVerified
  const invitations = isTheirs ? await listInvitationsOf(db, person.email, now()) : []
  return { person, isEmailVerified, factors: await findFactors(db, actor.userId), invitations }
}

/** The new membership, with its firm. */
export type Joined = MemberRecord & { firmId: FirmId }

/**
 * Makes the caller a member. Throws `not_found` for an invitation that is not open, `forbidden` for one to another e-mail,
 * `email_unverified`, `conflict` for a person who has a membership in any state, `firm_locked`.
 */
export async function acceptInvitation(
  needs: ConsentNeeds,
  actor: Actor,
  given: { secret: string } | { id: InvitationId },
): Promise<Joined> {
  const { db, now } = needs
  const { email, createdAt } = await requireRegisteredUser(db, actor, 'invitation.accepted')
  const person = { now: now(), email }
  const key = 'id' in given ? given : { sha256: hashSecret(given.secret) }
  const { id, firmId } = await recordDenial(db, actor, { action: 'invitation.accepted' }, async () =>
    assertIsFor(key, await findInvitation(db, key, person)),
  )
  const event = { action: 'invitation.accepted', firmId, details: { invitation_id: id } }

  return await recordDenial(db, actor, event, () =>
    inTransaction(db, async (trx) => {
      await lockMembersOf(trx, firmId)
      // Read again behind the lock: a firm_admin may have withdrawn it, changed its role or lost their own.
      const invitation = assertIsFor(key, await findInvitation(trx, key, person))
      await assertIsTheirs(needs, trx, { userId: actor.userId, createdAt }, { key, invitation })
      await useUp(trx, invitation)
      const { role, invitedBy } = invitation
      const member = await join(trx, actor, invitation)
      const details = { ...event.details, role, invited_by: invitedBy }
      await recordEvent(trx, actor, { ...event, outcome: 'ok', details })
      return { ...member, firmId }
    }),
  )
}

function assertIsFor(key: InvitationKey, found: FoundInvitation | undefined): Invitation {
  if (found === undefined || ('id' in key && !found.isForPerson)) return rejectUnknown()
  if (!found.isForPerson)
    throw new AppError('forbidden', 'This invitation is for another e-mail. Log in with the account of that e-mail.')
  return found
}

/**
 * Throws unless the person is likely the invited one: anybody can register an e-mail. With mail, they have verified it.
 * Without mail, they have the link, or they had their account before the firm first invited it.
 */
async function assertIsTheirs(
  { mailIsOn }: ConsentNeeds,
  trx: Tx,
  { userId, createdAt }: { userId: UserId; createdAt: Date | null },
  { key, invitation }: { key: InvitationKey; invitation: Invitation },
): Promise<void> {
  if (mailIsOn) return await assertVerifiedEmail(trx, mailIsOn, { userId })
  if ('id' in key && (createdAt === null || createdAt > invitation.firstCreatedAt))
    throw new AppError(
      'forbidden',
      'Your account is newer than this invitation. Ask the firm’s administrator for a link and open it.',
    )
}

async function join(trx: Tx, actor: Actor, { firmId, role, invitedBy }: Invitation): Promise<MemberRecord> {
  assertIsNoMember(await findStatus(trx, firmId, actor.userId))
  await insertMember(trx, { firmId, userId: actor.userId, role, invitedBy })
  // A member may leave under the same conditions: neither the person nor the firm is locked.
  const right = rights['members.leave']
  return await requireMember(trx, await requireMembership(trx, { caller: actor, firmId, right }), actor.userId)
}

/** An invitation changes no membership, so that it neither lifts a suspension nor activates a row of the platform. */
function assertIsNoMember(status: MemberStatus | undefined): void {
  switch (status) {
    case undefined:
      return
    case 'active':
      throw new AppError('conflict', 'You are a member of this firm already. Its administrator can change your role.')
    case 'suspended':
      throw new AppError('conflict', 'Your membership in this firm is suspended. Ask the firm’s administrator.')
    case 'pending':
      throw new AppError(
        'conflict',
        'The platform has not confirmed your membership in this firm yet. Ask the platform’s support.',
      )
  }
}

/** Throws `not_found` if another request used the invitation first. */
async function useUp(trx: Tx, invitation: Invitation): Promise<void> {
  if (!(await deleteInvitation(trx, invitation))) rejectUnknown()
  await deleteLinks(trx, { purpose: 'invitation', subjectId: invitation.id })
}

/** Throws `not_found` for an invitation that is not open, or another person’s. */
export async function declineInvitation(needs: ConsentNeeds, actor: Actor, id: InvitationId): Promise<void> {
  const { db, now } = needs
  const action = 'invitation.declined'
  const { email, createdAt } = await requireRegisteredUser(db, actor, action)
  const invitation = await findInvitation(db, { id }, { now: now(), email })
  if (invitation?.isForPerson !== true) return rejectUnknown()

  const { firmId, role } = invitation
  const event = { action, firmId, details: { invitation_id: id, role } }
  await recordDenial(db, actor, event, () =>
    inTransaction(db, async (trx) => {
      await assertIsTheirs(needs, trx, { userId: actor.userId, createdAt }, { key: { id }, invitation })
      await useUp(trx, invitation)
      await recordEvent(trx, actor, { ...event, outcome: 'ok' })
    }),
  )
}

/** Ends the caller’s own membership. Throws `conflict` for the last active firm_admin. */
export async function leaveFirm(needs: Needs, actor: Actor, firmId: FirmId): Promise<void> {
  await changeMembersOf(needs, actor, { firmId, right: 'members.leave' }, async (trx, membership) => {
    const { userId } = actor
    const member = await requireMember(trx, membership, userId)
    const { role } = member
    await assertNotLastAdmin(trx, membership, userId)
    await deleteMember(trx, membership, userId)
    await recordEvent(trx, actor, { action: 'member.left', outcome: 'ok', firmId, details: { user_id: userId, role } })
    await endLostGrants(needs, trx, { actor, membership }, member)
  })
}

function rejectUnknown(): never {
  throw new AppError(
    'not_found',
    'There is no such invitation, or not any more. Ask the firm’s administrator for a new one.',
  )
}
