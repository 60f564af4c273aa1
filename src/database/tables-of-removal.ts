import type { ColumnType, Generated } from 'kysely'

import type {
  DocumentId,
  FirmId,
  QuarantineKey,
  StorageKey,
  StoreId,
  StoreName,
  UserId,
  VersionId,
} from '../vocabulary.ts'
import type { Defaulted, Timestamp } from './column-types.ts'

/** Our own tables of what is on its way out, of what keeps it, and of what it was. */

export type DocumentRemovals = {
  id: Generated<string>
  firm_id: FirmId
  version_id: VersionId | null
  store: StoreName
  store_id: StoreId | null
  storage_key: StorageKey
  due_at: Timestamp | null
  noted_at: Defaulted
}

export type DocumentQuarantined = {
  id: Generated<string>
  store: StoreName
  store_id: StoreId | null
  storage_key: StorageKey
  quarantine_key: QuarantineKey
  bytes: ColumnType<string, number, never>
  reason: string
  quarantined_at: Defaulted
  source_removed_at: Timestamp | null
}

export type DocumentHolds = {
  id: Generated<string>
  firm_id: FirmId
  document_id: DocumentId | null
  reason: string
  held_by: UserId
  held_at: Defaulted
}

export type DocumentObjectHolds = {
  storage_key: StorageKey
  firm_id: FirmId
  document_id: DocumentId
  held_at: Defaulted
}

export type DocumentDisposals = {
  id: Generated<string>
  firm_id: FirmId
  document_id: DocumentId
  document_type: string
  created_by: UserId
  created_at: Timestamp
  deleted_by: UserId | null
  deleted_at: Timestamp
  approved_by: UserId | null
  approval_reason: string | null
  versions: ColumnType<Record<string, unknown>[], string, never>
  why: string
  disposed_by: string
  request_id: string
  disposed_at: Defaulted
}

export type DocumentDisposedFiles = {
  id: Generated<string>
  disposal_id: string
  firm_id: FirmId
  store: StoreName
  store_id: StoreId | null
  storage_key: StorageKey | QuarantineKey
  is_quarantined: Generated<boolean>
  hidden_at: Timestamp | null
  destroyed_by: ColumnType<string | null, string | null, string | null>
  destroyed_at: Timestamp | null
}
