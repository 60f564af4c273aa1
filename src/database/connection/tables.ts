import type { ColumnType, Generated } from 'kysely'

import type { WebhookEvent } from '../../contract/webhooks.ts'
import type {
  ApiKeyId,
  ApiKeyScope,
  InvitationId,
  DeliveryId,
  DocumentId,
  FirmId,
  FirmRole,
  MemberStatus,
  PlatformRole,
  RejectReason,
  Restriction,
  SessionId,
  UploadId,
  UserId,
  WebhookId,
} from '../../vocabulary/vocabulary.ts'

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
    /** Null: by the code of the type. */
    confidential: ColumnType<boolean | null, boolean | undefined, boolean>
    retention_days: ColumnType<number | null, number | null | undefined, number | null>
    proof: ColumnType<string | null, string | null | undefined, string | null>
    validity_months: ColumnType<number | null, number | null | undefined, number | null>
    validity_stated: ColumnType<boolean, boolean | undefined, boolean>
    reject_reasons: ColumnType<RejectReason[] | null, string | null | undefined, string | null>
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
    after_transaction: string
    through_transaction: string
    entries: Buffer
    previous_hash: Buffer
    hash: Buffer
  }
  document_sessions: {
    id: SessionId
    user_id: UserId
    started_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp
    proven_at: Timestamp
    ended_at: Timestamp | null
    ip: string
    user_agent: string
    password_mark: Buffer
    restriction: Restriction | null
    openid_issuer: string | null
    openid_subject: string | null
  }
  document_refresh_tokens: {
    id: string
    session_id: SessionId
    issued_at: Timestamp
    expires_at: Timestamp
    used_at: Timestamp | null
    successor_id: string | null
  }
  document_api_keys: {
    id: ApiKeyId
    key_sha256: Buffer
    prefix: string
    name: string
    scopes: ApiKeyScope[]
    firm_id: FirmId | null
    user_id: UserId
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | null
    revoked_at: Timestamp | null
  }
  document_login_failures: { email_sha256: string; locked_until: Timestamp | null }
  document_mails: {
    id: string
    kind: string
    recipient: string
    subject_id: string | null
    facts: ColumnType<Record<string, unknown> | null, string, string | null>
    queued_at: Defaulted
    due_at: ColumnType<Date | null, Date | undefined, Date | null>
    attempts: Generated<number>
    tried_at: ColumnType<Date | null, never, Date | null>
    error: ColumnType<string | null, never, string | null>
    sent_at: ColumnType<Date | null, never, Date | null>
    given_up_at: ColumnType<Date | null, never, Date | null>
  }
  document_uploads: {
    id: UploadId
    firm_id: FirmId
    user_id: UserId
    received_bytes: ColumnType<string, never, never>
    created_at: Defaulted
    expires_at: Timestamp
  }
  document_calendars: {
    firm_id: FirmId
    token_sha256: Buffer
    created_by: UserId
    created_at: Timestamp
  }
  document_invitations: {
    id: Generated<InvitationId>
    firm_id: FirmId
    email: string
    role: FirmRole
    invited_by: UserId
    created_at: Timestamp
    expires_at: Timestamp
  }
  document_webhooks: {
    id: WebhookId
    url: string
    events: WebhookEvent[]
    firm_id: FirmId | null
    sealed_secret: Buffer
    enabled: boolean
    disabled_reason: 'given_up' | 'gone' | null
    created_by: UserId
    created_at: Timestamp
    failing_since: Timestamp | null
    claimed_until: ColumnType<Date, Date | undefined, Date>
  }
  document_webhook_deliveries: {
    id: Generated<DeliveryId>
    webhook_id: WebhookId
    event: string
    occurred_at: Timestamp
    data: ColumnType<Record<string, unknown>, string, never>
    created_at: Defaulted
    trying_since: Defaulted
    attempts: Generated<number>
    next_attempt_at: ColumnType<Date | null, Date | null | undefined, Date | null>
    is_by_hand: Generated<boolean>
    last_status: ColumnType<number | null, number | null | undefined, number | null>
    error: ColumnType<string | null, string | null | undefined, string | null>
    delivered_at: ColumnType<Date | null, Date | null | undefined, Date | null>
  }
  document_link_tokens: {
    sha256: Buffer
    purpose: string
    subject_id: string
    email_sha256: string
    password_mark: Buffer | null
    created_at: Timestamp
    expires_at: Timestamp
  }
  document_platform_roles: { user_id: UserId; role: PlatformRole; granted_by: UserId; granted_at: Defaulted }
  document_former_members: { firm_id: FirmId; user_id: UserId; left_at: Defaulted }
  document_unverified_emails: { user_id: UserId; since: Defaulted }
  document_erasures: {
    user_id: UserId
    erased_at: Timestamp
    erased_by: UserId | null
    finished_at: Timestamp | null
  }
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
