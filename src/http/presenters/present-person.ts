import type { AccountShape, FirmShape, MemberShape, FirmDetailsShape } from '../../contract/people.ts'
import type { Firm, FirmOfPerson } from '../../database/people/firms.ts'
import type { Member } from '../../database/people/members.ts'
import type { Account, Person } from '../../database/people/accounts.ts'
import type { FirmSeen } from '../../people/firms/firms.ts'

export function presentPerson(person: Omit<Person, 'isShutOut'>): AccountShape {
  return {
    id: person.id,
    email: person.email,
    phone: person.phone,
    first_name: person.firstName,
    last_name: person.lastName,
    role: person.role,
    user_type: person.userType,
    is_administrator: person.isAdministrator,
    is_verified: person.isVerified,
    created_at: person.createdAt?.toISOString() ?? null,
  }
}

/** A person who just registered. */
export function presentAccount(account: Account): AccountShape {
  return presentPerson({ ...account, userType: 'registered_user', isAdministrator: account.role === 'admin' })
}

/** `role`: the caller's role in the firm. */
export function presentFirm(firm: Firm, role: FirmOfPerson['role']): FirmShape {
  return {
    id: firm.id,
    name: firm.name,
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
    first_name: member.firstName,
    last_name: member.lastName,
    role: member.role,
    status: member.status,
    invited_by: member.invitedBy,
    accepted_at: member.acceptedAt?.toISOString() ?? null,
    created_at: member.createdAt.toISOString(),
  }
}
