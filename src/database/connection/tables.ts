import type { ColumnType, Generated } from 'kysely'

import type { DocumentId, FirmId, FirmRole, MemberStatus, SessionId, UserId } from '../../vocabulary/vocabulary.ts'

/** A moment; it may be given as text, as PostgreSQL reads it. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>

/** The same, which the table gives where nobody does. */
export type Defaulted = ColumnType<Date, Date | string | undefined, Date | string>

/** The platform's tables as `migrations/0001-platform-tables.sql` has them, and ours. */
export interface Tables {
  registered_users: RegisteredUsers
  security_firms: SecurityFirms
  firm_users: FirmUsers
  document_types: DocumentTypes
  document_verifications: DocumentVerifications
  document_idempotency_keys: DocumentIdempotencyKeys
  document_events: DocumentEvents
  document_trail: DocumentTrail
  document_seals: DocumentSeals
  document_sessions: DocumentSessions
  document_refresh_tokens: DocumentRefreshTokens
  document_login_failures: DocumentLoginFailures
  document_secrets: DocumentSecrets
  document_installation: DocumentInstallation
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

type DocumentSessions = {
  id: SessionId
  user_id: UserId
  started_at: Timestamp
  ended_at: Timestamp | null
}

type DocumentRefreshTokens = {
  id: string
  session_id: SessionId
  issued_at: Timestamp
  expires_at: Timestamp
  used_at: Timestamp | null
  successor_id: string | null
}

type DocumentLoginFailures = {
  email_sha256: string
  failed_at: ColumnType<Date[], Date[], Date[]>
  locked_until: Timestamp | null
}

type DocumentSecrets = {
  name: string
  secret: string
  created_at: Defaulted
}

type DocumentSeals = {
  // The driver hands a bigint over as text.
  number: ColumnType<string, number, never>
  sealed_at: Timestamp
  cluster: string
  is_gathered: boolean
  after_transaction: string
  through_transaction: string
  not_before: ColumnType<Date, string, never>
  not_after: ColumnType<Date, string, never>
  entries: Buffer
  previous_hash: Buffer
  hash: Buffer
}
