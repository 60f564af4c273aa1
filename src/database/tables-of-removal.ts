import type { ColumnType, Generated } from 'kysely'

import type {
  BlobId,
  DocumentId,
  FirmId,
  ProcessId,
  QuarantineKey,
  StorageKey,
  StoreId,
  StoreName,
  UserId,
  VersionId,
} from '../vocabulary.ts'
import type { BlobState } from './blobs/blob.ts'
import type { Defaulted, Timestamp } from './column-types.ts'

/** Our own tables of what is on its way out, of what keeps it, and of what it was. */

export type DocumentBlobs = {
  id: Generated<BlobId>
  firm_id: FirmId | null
  document_id: DocumentId | null
  version_id: VersionId | null
  store: StoreName
  store_id: StoreId | null
  storage_key: StorageKey | QuarantineKey
  state: BlobState
  // The driver hands a bigint over as text.
  bytes: ColumnType<string | null, number | null, number | null>
  reserved_bytes: ColumnType<string, number | undefined, number>
  reserved_documents: Generated<number>
  reserved_under: string | null
  multipart_id: string | null
  source_id: BlobId | null
  source_key: StorageKey | null
  claim_id: string | null
  claimed_by: ProcessId | null
  claimed_until: Timestamp | null
  due_at: Timestamp | null
  reason: string | null
  is_platforms: Generated<boolean>
  disposal_id: string | null
  destroyed_by: ColumnType<string | null, string | null, string | null>
  created_at: Defaulted
  changed_at: Defaulted
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
