import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { deleteLinks, insertInvitationLink } from '../../database/mail/link-tokens.ts'
import { replaceMessageByEmail } from '../../database/mail/messages.ts'
import { digestEmail } from '../../database/passwords/login-failures.ts'
import type { Membership } from '../../database/people/check-access.ts'
import {
  deleteInvitation,
  type Invitation,
  type InvitationPage,
  type InvitationRecord,
  listInvitations,
  upsertInvitation,
} from '../../database/people/open-invitations.ts'
import { isWithoutAdmin, lockActiveAdmins } from '../../database/people/members.ts'
import { AppError } from '../../errors/app-error.ts'
import { queueMail } from '../../mail/notify.ts'
import { createSecret, hashSecret } from '../../vocabulary/secrets.ts'
import type { Actor, Clock, FirmId, FirmRole, InvitationId } from '../../vocabulary/vocabulary.ts'
import { assertVerifiedEmail, requireRightToRead } from '../require-right.ts'
import { changeMembersOf } from './members.ts'

type Needs = { db: Db; now: Clock }
type InvitingNeeds = Needs & { mailIsOn: boolean }

const daysOfInvitation = 7 // the contract's

/** The person to invite. Whether an account has the e-mail changes nothing. */
export type InvitedPerson = { email: string; role: FirmRole }

/** `secret`: of the link for the person who invites. It is stored nowhere. */
export type InvitationWithLink = { invitation: Invitation; secret: string }

/**
 * Invites a person to a firm, or renews their invitation. They become a member when they accept. Throws `forbidden` to an
 * administrator of the platform, unless the firm has no active firm_admin and the person becomes one, and with mail
 * `email_unverified`.
 */
export async function inviteMember(
  needs: InvitingNeeds,
  actor: Actor,
  firmId: FirmId,
  person: InvitedPerson,
): Promise<Invitation> {
  return await changeMembersOf(needs, actor, { firmId, right: 'members.invite' }, (trx, membership) =>
    invite(needs, trx, { actor, membership }, person),
  )
}

/** The same, with a link to pass on. */
export async function createInvitation(
  needs: InvitingNeeds,
  actor: Actor,
  firmId: FirmId,
  person: InvitedPerson,
): Promise<InvitationWithLink> {
  return await changeMembersOf(needs, actor, { firmId, right: 'members.invite' }, async (trx, membership) => {
    const invitation = await invite(needs, trx, { actor, membership }, person)
    const { id: subjectId, email, createdAt, expiresAt } = invitation
    const secret = createSecret()
    const token = { sha256: hashSecret(secret), purpose: 'invitation', createdAt, expiresAt }
    await insertInvitationLink(trx, token, { subjectId, email })
    return { invitation, secret }
  })
}

/**
 * An administrator of the platform acts in a firm that they do not manage: only to give it a firm_admin, if it has none. A
 * firm whose members all left could not be used any more.
 */
async function assertMayInvite(
  trx: Tx,
  { firmId, role, userId }: Membership,
  invited: FirmRole = 'firm_admin',
): Promise<boolean> {
  if (role !== 'administrator' || (await lockActiveAdmins(trx, firmId)).includes(userId)) return false
  if (invited === 'firm_admin' && (await isWithoutAdmin(trx, firmId))) return true
  throw new AppError(
    'forbidden',
    'Administrators of the platform invite only a firm_admin, and only to a firm that has none who is active. The firm’s own firm_admin invites everybody else.',
  )
}

async function invite(
  { now, mailIsOn }: InvitingNeeds,
  trx: Tx,
  { actor, membership }: { actor: Actor; membership: Membership },
  { email, role }: InvitedPerson,
): Promise<Invitation> {
  const isByAdministrator = await assertMayInvite(trx, membership, role)
  // The mail goes to an address of their choice: nobody may send it in the name of an address that is not theirs.
  await assertVerifiedEmail(trx, mailIsOn, actor)
  const createdAt = now()
  const expiresAt = new Date(createdAt.getTime() + daysOfInvitation * 24 * 3_600_000)
  const invitation = await upsertInvitation(trx, membership, {
    email,
    role,
    invitedBy: actor.userId,
    createdAt,
    expiresAt,
  })
  await recordEvent(trx, actor, {
    action: 'invitation.created',
    outcome: 'ok',
    firmId: membership.firmId,
    details: { invitation_id: invitation.id, role, ...(isByAdministrator && { by: 'administrator' }) },
    personal: { email_sha256: await digestEmail(trx, email) },
  })
  const facts = { firmName: invitation.firmName, role, expiresAt: expiresAt.toISOString() }
  const mail = { kind: 'invitation', to: invitation.email, subjectId: invitation.id, facts } as const
  const mailId = mailIsOn ? await queueMail(trx, mail) : null
  const message = { kind: 'invitation', facts, firmId: invitation.firmId, aboutId: invitation.id, mailId, createdAt }
  await replaceMessageByEmail(trx, invitation.email, message)
  return invitation
}

/** The open invitations of a firm, newest first. */
export async function browseInvitations(
  { db, now }: Needs,
  actor: Actor,
  firmId: FirmId,
  page: InvitationPage,
): Promise<InvitationRecord[]> {
  const membership = await requireRightToRead({ db }, actor, 'invitations.list', { firmId })
  return await listInvitations(db, membership, { ...page, now: now() })
}

/** Withdraws an invitation: none of its links works any more. Throws `not_found`. */
export async function withdrawInvitation(
  needs: Needs,
  actor: Actor,
  { firmId, id }: { firmId: FirmId; id: InvitationId },
): Promise<void> {
  await changeMembersOf(needs, actor, { firmId, right: 'members.invite' }, async (trx, membership) => {
    await assertMayInvite(trx, membership)
    if (!(await deleteInvitation(trx, { id, firmId })))
      throw new AppError('not_found', 'The firm has no such invitation. It may have been accepted or declined.')
    await deleteLinks(trx, { purpose: 'invitation', subjectId: id })
    const details = { invitation_id: id }
    await recordEvent(trx, actor, { action: 'invitation.withdrawn', outcome: 'ok', firmId, details })
  })
}
