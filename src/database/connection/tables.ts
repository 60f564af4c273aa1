import type { ColumnType, Generated } from 'kysely'

import type { DocumentId, FirmId, FirmRole, MemberStatus, SessionId, UserId } from '../../vocabulary/vocabulary.ts'

/** A point in time. It may be written as text that PostgreSQL parses. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>

/** A timestamp with a default. */
export type Defaulted = ColumnType<Date, Date | string | undefined, Date | string>

/** The tables and columns that Kysely's query builder names; queries in SQL need no types here. */
export interface Tables {
  registered_users: {
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
    created_at: Defaulted
    updated_at: Defaulted
  }
  security_firms: {
    id: FirmId
    name: string
    registration_number: string
    email: string
    phone: string
    address: string
    province: string
    country: string
    verification_status: string
    credit_balance: number
    is_locked: boolean
    created_at: Defaulted
  }
  firm_users: {
    id: string
    user_id: UserId
    firm_id: FirmId
    role: FirmRole
    status: MemberStatus
    invited_by: string | null
    invited_at: Timestamp | null
    accepted_at: Timestamp | null
    created_at: Defaulted
  }
  document_types: {
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
  document_verifications: {
    share: number
    reads: boolean
    is_complete: boolean
    files: ColumnType<string, number, never>
    bytes: ColumnType<string, number, never>
    findings: ColumnType<Record<string, number>, string, never>
    finished_at: Defaulted
  }
  document_idempotency_keys: {
    firm_id: FirmId
    user_id: UserId
    route: string
    key: string
    fingerprint: string
    document_id: DocumentId
    version: number
    created_at: Defaulted
  }
  document_events: Event
  /** The view over events and their personal fields, which are null once they are erased. Events are inserted here. */
  document_trail: Event & {
    ip: ColumnType<string | null, string, never>
    user_agent: ColumnType<string | null, string, never>
    personal: ColumnType<Record<string, unknown> | null, string | undefined, never>
    personal_salt: ColumnType<Buffer | null, never, never>
  }
  document_seals: {
    // The driver returns a bigint as text.
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
  document_sessions: { id: SessionId; user_id: UserId; started_at: Timestamp; ended_at: Timestamp | null }
  document_refresh_tokens: {
    id: string
    session_id: SessionId
    issued_at: Timestamp
    expires_at: Timestamp
    used_at: Timestamp | null
    successor_id: string | null
  }
  document_login_failures: { email_sha256: string; locked_until: Timestamp | null }
  document_secrets: { name: string; secret: string }
  document_installation: { id: string; adopted_platform_tables: boolean }
}

type Event = {
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
