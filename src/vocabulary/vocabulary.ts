import { createHash } from 'node:crypto'

declare const brand: unique symbol

/** A string that only a checked conversion creates. */
type Branded<Name extends string> = string & { readonly [brand]: Name }

export type UserId = Branded<'UserId'>
export type FirmId = Branded<'FirmId'>
export type DocumentId = Branded<'DocumentId'>
export type VersionId = Branded<'VersionId'>
export type BlobId = Branded<'BlobId'>
/** A file that arrives over many requests. */
export type UploadId = Branded<'UploadId'>

/** One run of the program, for as long as it lives. */
export type ProcessId = Branded<'ProcessId'>
export type SessionId = Branded<'SessionId'>
export type ApiKeyId = Branded<'ApiKeyId'>
export type IdentityId = Branded<'IdentityId'>
export type PasskeyId = Branded<'PasskeyId'>
export type ApplicationId = Branded<'ApplicationId'>
export type InvitationId = Branded<'InvitationId'>
export type WebhookId = Branded<'WebhookId'>
/** Also the header `webhook-id`. */
export type DeliveryId = Branded<'DeliveryId'>

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

const platformRoles = ['reviewer'] as const
/** A role on the platform besides those of the platform's own tables. */
export type PlatformRole = (typeof platformRoles)[number]

export const apiKeyScopes = ['documents:read', 'documents:write', 'review', 'operations:read'] as const
export type ApiKeyScope = (typeof apiKeyScopes)[number]

/** When a person gets the mails that they may refuse. */
export type MailChoice = 'off' | 'digest' | 'at_once'

const memberStatuses = ['pending', 'active', 'suspended'] as const
export type MemberStatus = (typeof memberStatuses)[number]

const reviewStatuses = ['pending', 'verified', 'rejected'] as const
export type ReviewStatus = (typeof reviewStatuses)[number]

export const scanStatuses = ['clean', 'pending', 'infected', 'skipped'] as const
export type ScanStatus = (typeof scanStatuses)[number]

/** The time, passed in so that tests can set it. */
export type Clock = () => Date

/** The origin of a request; also of one before authentication, at a login or a registration. */
export type Visitor = {
  /** Our own id, so that no client can choose the id of an event. */
  requestId: string
  /** The id that the client gave its request, if it did. */
  callerRequestId?: string
  ip: string
  userAgent: string
}

/**
 * The caller, from a checked token or API key. It grants no right. Tokens of the platform and of an OpenID provider name no
 * session. The caller of an API key is the person who made it.
 */
export type Caller = {
  userId: UserId
  sessionId: SessionId | undefined
  apiKeyId: ApiKeyId | undefined
  /** Of an API key: who must have a second factor, so that no key acts for a maker who may not act. Absent: nobody. */
  secondFactor?: SecondFactorPolicy
}

/** `SECOND_FACTOR`: who must have a second factor. */
export type SecondFactorPolicy = 'off' | 'administrators' | 'everyone'

/** The caller and the origin of a request. */
export type Actor = Caller & Visitor

/** The required first step of a session, as an error code: all other requests are denied with it. */
export type Restriction = 'second_factor_required' | 'password_change_required'

/** The id of a person at an OpenID provider. */
export type Subject = { issuer: string; subject: string }

/** Why a document of a type may be rejected. `isFinal`: sending the document again does not help. */
export type RejectReason = { code: string; text: string; isFinal: boolean }

/** A UUID made of these parts: the same parts have the same id, on every machine and after a restore. */
export function stableId(...parts: string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  // Version 8 of RFC 9562: made by a rule of its own.
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}

/**
 * How long a file may arrive, and how long it stays once its bytes are all there, so that no outage of a store outlives it.
 * Until then it may be an open multipart upload, which the rule of the bucket must not abort. `hoursOfResult`: how long a
 * client may come back for the result of its upload.
 */
export const uploadExpiry = { hoursToArrive: 24, daysComplete: 7, hoursOfResult: 24 }
