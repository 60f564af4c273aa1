declare const brand: unique symbol

/** A string that only a checked conversion creates. */
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type FirmId = Branded<'FirmId'>
export type DocumentId = Branded<'DocumentId'>
export type VersionId = Branded<'VersionId'>
export type BlobId = Branded<'BlobId'>
/** One run of the program, for as long as it lives. */
export type ProcessId = Branded<'ProcessId'>
export type SessionId = Branded<'SessionId'>
export type IdentityId = Branded<'IdentityId'>

/** The key of a blob in a store: `security_firms/{firm_id}/{document_type}_{uuid}.{ext}`. Written once. */
export type StorageKey = Branded<'StorageKey'>

/** The key of a blob in quarantine: `quarantine/` and a key. No document names it, and it is never served. */
export type QuarantineKey = Branded<'QuarantineKey'>

/** The id of one local disk, stored in its `.store-id`. */
export type StoreId = Branded<'StoreId'>

/** SHA-256 in lower-case hex. */
export type Sha256 = Branded<'Sha256'>

export const storeNames = ['s3', 'local'] as const
export type StoreName = (typeof storeNames)[number]

export const firmRoles = ['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'] as const
export type FirmRole = (typeof firmRoles)[number]

const memberStatuses = ['pending', 'active', 'suspended'] as const
export type MemberStatus = (typeof memberStatuses)[number]

const reviewStatuses = ['pending', 'verified', 'rejected'] as const
export type ReviewStatus = (typeof reviewStatuses)[number]

export const scanStatuses = ['clean', 'pending', 'infected', 'skipped'] as const
export type ScanStatus = (typeof scanStatuses)[number]

/** The time, passed in so that tests can set it. */
export type Clock = () => Date

/** The caller and the origin of a request, from a checked token. It grants no right. */
export type Actor = {
  userId: UserId
  requestId: string
  ip: string
  userAgent: string
}

/** A caller before authentication, at a login or a registration. */
export type Visitor = Omit<Actor, 'userId'>

/** The id of a person at an OpenID provider. */
export type Subject = { issuer: string; subject: string }
