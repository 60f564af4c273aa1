declare const brand: unique symbol

/** A string that went through the one place that may call it so. */
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

/** Where a version's bytes lie inside a store: `security_firms/{firm_id}/{document_type}_{uuid}.{ext}`. Written once. */
export type StorageKey = Branded<'StorageKey'>

/** Where bytes lie that nobody's row names and that were put aside: `quarantine/` and a key. No row of a document has such a one, and nothing is served from it. */
export type QuarantineKey = Branded<'QuarantineKey'>

/** The id of one local disk, kept in its `.store-id`. */
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

/** The time, passed in so that tests can choose it. */
export type Clock = () => Date

/** Who asks, and from where; made from a checked token at the border, and nothing in it is a right. */
export type Actor = {
  userId: UserId
  requestId: string
  ip: string
  userAgent: string
}

/** Who asks before they are known: at the login, at the registration. */
export type Visitor = Omit<Actor, 'userId'>

/** What an OpenID provider calls somebody. */
export type Subject = { issuer: string; subject: string }
