import type { ColumnType, Generated } from 'kysely'

import type { IdentityId, SessionId, UserId } from '../vocabulary.ts'
import type { Defaulted, Timestamp } from './column-types.ts'

/** Our own tables that tell of people. */

export type DocumentSessions = {
  id: SessionId
  user_id: UserId
  started_at: Timestamp
  ended_at: Timestamp | null
}

export type DocumentRefreshTokens = {
  id: string
  session_id: SessionId
  issued_at: Timestamp
  expires_at: Timestamp
  used_at: Timestamp | null
  successor_id: string | null
}

export type DocumentLoginFailures = {
  email_sha256: string
  failed_at: ColumnType<Date[], Date[], Date[]>
  locked_until: Timestamp | null
}

export type DocumentIdentities = {
  id: Generated<IdentityId>
  issuer: string
  subject: string
  user_id: UserId
  linked_by: UserId | null
  linked_at: Defaulted
}

export type DocumentSecrets = {
  name: string
  secret: string
  created_at: Defaulted
}
