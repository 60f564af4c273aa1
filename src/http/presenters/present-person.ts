import type {
  AccountShape,
  FirmDetailsShape,
  FirmShape,
  InvitationShape,
  MemberShape,
  OwnInvitationShape,
  SelfShape,
} from '../../contract/people.ts'
import type { UserShape } from '../../contract/users.ts'
import type { Invitation } from '../../database/people/open-invitations.ts'
import type { Firm, FirmOfPerson } from '../../database/people/firms.ts'
import type { Member } from '../../database/people/members.ts'
import type { Account, Person } from '../../database/people/accounts.ts'
import type { User } from '../../database/users/users.ts'
import type { FirmSeen } from '../../people/firms/firms.ts'
import type { Self } from '../../people/firms/join-and-leave.ts'
import { readableName } from '../../vocabulary/readable-name.ts'

type PersonFields = Pick<
  Person,
  | 'id'
  | 'userType'
  | 'email'
  | 'phone'
  | 'firstName'
  | 'lastName'
  | 'role'
  | 'isVerified'
  | 'isAdministrator'
  | 'isReviewer'
  | 'createdAt'
>

export function presentPerson(person: PersonFields): AccountShape {
  return {
    id: person.id,
    email: person.email,
    phone: person.phone,
    first_name: readableName(person.firstName),
    last_name: readableName(person.lastName),
    role: person.role,
    user_type: person.userType,
    is_administrator: person.isAdministrator,
    platform_role: person.isReviewer ? 'reviewer' : null,
    is_verified: person.isVerified,
    created_at: person.createdAt?.toISOString() ?? null,
  }
}

export function presentSelf({ person, isEmailVerified, factors, invitations }: Self): SelfShape {
  return {
    ...presentPerson(person),
    email_verified: isEmailVerified,
    second_factors: {
      totp: factors.hasTotp,
      passkeys: factors.passkeys,
      recovery_codes_left: factors.recoveryCodes,
    },
    invitations: invitations.map(presentOwnInvitation),
  }
}

/** A person who just registered. */
export function presentAccount(account: Account): AccountShape {
  const isAdministrator = account.role === 'admin'
  return presentPerson({ ...account, userType: 'registered_user', isAdministrator, isReviewer: false })
}

/** For administrators. Without a mail server every e-mail counts as verified. */
export function presentUser(user: User, { mailIsOn }: { mailIsOn: boolean }): UserShape {
  const { user_type: _always, ...fields } = presentPerson({ ...user, userType: 'registered_user' })
  return {
    ...fields,
    email_verified: !mailIsOn || !user.isEmailUnverified,
    is_locked: user.isLocked,
    locked_at: user.lockedAt?.toISOString() ?? null,
    is_suspended: user.isSuspended,
  }
}

/** `role`: the caller's role in the firm. */
export function presentFirm(firm: Firm, role: FirmOfPerson['role']): FirmShape {
  return {
    id: firm.id,
    name: readableName(firm.name),
    registration_number: firm.registrationNumber,
    email: firm.email,
    phone: firm.phone,
    address: firm.address,
    province: firm.province,
    country: firm.country,
    vat_number: firm.vatNumber,
    verification_status: firm.verificationStatus,
    is_locked: firm.isLocked,
    hold: firm.isHeld,
    hold_reason: firm.holdReason,
    locked_at: firm.lockedAt?.toISOString() ?? null,
    created_at: firm.createdAt.toISOString(),
    updated_at: firm.updatedAt.toISOString(),
    role,
  }
}

/** The firm with its quota and usage. */
export function presentFirmDetails({ firm, role, room }: FirmSeen): FirmDetailsShape {
  return {
    ...presentFirm(firm, role),
    quota: { bytes: room.quotaBytes, documents: room.quotaDocuments },
    usage: { bytes: room.usedBytes, documents: room.usedDocuments },
  }
}

export function presentMember(member: Member): MemberShape {
  return {
    user_id: member.userId,
    email: member.email,
    first_name: readableName(member.firstName),
    last_name: readableName(member.lastName),
    role: member.role,
    status: member.status,
    invited_by: member.invitedBy,
    accepted_at: member.acceptedAt?.toISOString() ?? null,
    created_at: member.createdAt.toISOString(),
  }
}

export function presentInvitation({ id, email, role, expiresAt }: Invitation): InvitationShape {
  return { id, email, role, expires_at: expiresAt.toISOString() }
}

/** For the invited person. */
function presentOwnInvitation({ id, firmId, firmName, role, expiresAt }: Invitation): OwnInvitationShape {
  return { id, firm_id: firmId, firm_name: readableName(firmName), role, expires_at: expiresAt.toISOString() }
}
