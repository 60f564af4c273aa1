import type { ColumnType, Generated } from 'kysely'

import type {
  DocumentId,
  FirmId,
  FirmRole,
  MemberStatus,
  ReviewStatus,
  ScanStatus,
  Sha256,
  StorageKey,
  StoreId,
  StoreName,
  UserId,
  VersionId,
} from '../vocabulary.ts'
import type { Defaulted, Timestamp } from './column-types.ts'
import type { DocumentSeals } from './tables-of-evidence.ts'
import type {
  DocumentIdentities,
  DocumentLoginFailures,
  DocumentRefreshTokens,
  DocumentSecrets,
  DocumentSessions,
} from './tables-of-people.ts'
import type { DocumentBlobs, DocumentDisposals, DocumentHolds, DocumentObjectHolds } from './tables-of-removal.ts'

/** The platform's tables as `migrations/0001-platform-tables.sql` has them, and ours. */
export type Tables = {
  registered_users: RegisteredUsers
  security_firms: SecurityFirms
  firm_users: FirmUsers
  document_types: DocumentTypes
  firm_documents: FirmDocuments
  documents: Documents
  document_versions: DocumentVersions
  document_blobs: DocumentBlobs
  document_holds: DocumentHolds
  document_object_holds: DocumentObjectHolds
  document_disposals: DocumentDisposals
  document_verifications: DocumentVerifications
  document_idempotency_keys: DocumentIdempotencyKeys
  document_events: DocumentEvents
  document_trail: DocumentTrail
  document_seals: DocumentSeals
  document_sessions: DocumentSessions
  document_refresh_tokens: DocumentRefreshTokens
  document_login_failures: DocumentLoginFailures
  document_identities: DocumentIdentities
  document_secrets: DocumentSecrets
  document_installation: DocumentInstallation
  document_following: DocumentFollowing
  document_unfollowed: DocumentUnfollowed
}

type RegisteredUsers = {
  id: UserId
  email: string
  phone: string
  first_name: string
  last_name: string
  password_hash: string | null
  role: string
  is_verified: boolean
  prank_flags: number
  total_fines: ColumnType<string, number, number>
  is_suspended: boolean
  is_locked: boolean
  locked_at: Timestamp | null
  failed_login_attempts: number
  last_login_attempt: Timestamp | null
  created_at: Defaulted
  updated_at: Defaulted
}

type SecurityFirms = {
  id: FirmId
  name: string
  registration_number: string
  email: string
  phone: string
  address: string
  province: string
  country: string
  vat_number: string | null
  verification_status: string
  credit_balance: number
  is_locked: boolean
  locked_at: Timestamp | null
  created_at: Defaulted
  updated_at: Defaulted
}

type FirmUsers = {
  id: string
  user_id: UserId
  firm_id: FirmId
  role: FirmRole
  status: MemberStatus
  invited_by: string | null
  invited_at: Timestamp | null
  accepted_at: Timestamp | null
  created_at: Defaulted
  updated_at: Defaulted
}

type DocumentTypes = {
  id: string
  code: string
  name: string
  description: string | null
  is_required: boolean
  is_active: boolean
  created_by: string
  max_bytes: number | null
  allowed_types: string[] | null
  confidential: Generated<boolean>
  retention_days: ColumnType<number | null, number | null | undefined, number | null>
  created_at: Defaulted
  updated_at: Defaulted
}

type FirmDocuments = {
  id: DocumentId
  firm_id: FirmId
  document_type: string
  file_name: string
  file_path: string
  file_size: number
  mime_type: string
  uploaded_by: UserId
  is_verified: boolean
  verified_by: string | null
  verified_at: Timestamp | null
  created_at: Defaulted
  updated_at: Defaulted
}

type Documents = {
  firm_id: FirmId
  id: DocumentId
  document_type: string
  current_version: number
  created_by: UserId
  created_at: Defaulted
  updated_at: Defaulted
  deleted_at: Timestamp | null
  deleted_by: UserId | null
  trashed_row: ColumnType<Record<string, unknown> | null, never, never>
  trashed_version: ColumnType<number | null, never, never>
  purge_approved_at: Timestamp | null
  purge_approved_by: UserId | null
  purge_approval_reason: string | null
}

type DocumentVersions = {
  firm_id: FirmId
  document_id: DocumentId
  version: number
  id: ColumnType<VersionId, VersionId | undefined, never>
  file_name: string
  file_size: number
  mime_type: string
  sha256: Sha256 | null
  is_platforms: Generated<boolean>
  store: StoreName
  store_id: StoreId | null
  storage_key: StorageKey
  is_fallback: Generated<boolean>
  etag: string | null
  object_version_id: string | null
  bytes_state: Generated<'present' | 'missing' | 'wrong' | 'removed'>
  scan_status: ScanStatus
  scan_due_at: Defaulted
  scan_attempts: Generated<number>
  scan_tried_at: Timestamp | null
  scanned_at: Timestamp | null
  scan_found: string | null
  review_status: Generated<ReviewStatus>
  review_reason: string | null
  review_comment: string | null
  reviewed_by: UserId | null
  reviewed_at: Timestamp | null
  valid_until: ColumnType<string | null, string | null, string | null>
  uploaded_by: UserId
  uploaded_at: Defaulted
}

type DocumentFollowing = {
  is_only: Generated<boolean>
  began_at: Defaulted
  rows_to: DocumentId | null
  rows_done_at: Timestamp | null
  documents_to_firm: FirmId | null
  documents_to: DocumentId | null
  finished_at: Timestamp | null
  all_known_at: Timestamp | null
}

type DocumentUnfollowed = {
  firm_id: FirmId
  document_id: DocumentId
  noted_at: Defaulted
}

type DocumentVerifications = {
  id: Generated<string>
  share: number
  reads: boolean
  is_complete: boolean
  files: ColumnType<string, number, never>
  bytes: ColumnType<string, number, never>
  findings: ColumnType<Record<string, number>, string, never>
  finished_at: Defaulted
}

type DocumentIdempotencyKeys = {
  firm_id: FirmId
  user_id: UserId
  route: string
  key: string
  fingerprint: string
  document_id: DocumentId
  version: number
  created_at: Defaulted
}

type DocumentEvents = {
  id: ColumnType<string, never, never>
  occurred_at: ColumnType<Date, never, never>
  transaction_id: ColumnType<string, never, never>
  firm_id: FirmId | null
  document_id: DocumentId | null
  version: number | null
  action: string
  outcome: string
  actor_id: UserId | null
  request_id: string
  details: ColumnType<Record<string, unknown>, string | undefined, never>
  personal_commitment: ColumnType<Buffer, never, never>
}

/** The view over events and their personal fields, which are null once they are erased. Events are inserted here. */
type DocumentTrail = DocumentEvents & {
  ip: ColumnType<string | null, string, never>
  user_agent: ColumnType<string | null, string, never>
  personal: ColumnType<Record<string, unknown> | null, string | undefined, never>
  personal_salt: ColumnType<Buffer | null, never, never>
}

type DocumentInstallation = {
  id: Generated<string>
  adopted_platform_tables: boolean
  created_at: Defaulted
}
