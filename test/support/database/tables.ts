import type { ColumnType, Generated } from 'kysely'

import type { BlobState } from '../../../src/database/blobs/blob.ts'
import type { Defaulted, Timestamp } from '../../../src/database/connection/tables.ts'
import type {
  BlobId,
  DocumentId,
  FirmId,
  IdentityId,
  ProcessId,
  QuarantineKey,
  ReviewStatus,
  ScanStatus,
  Sha256,
  StorageKey,
  StoreId,
  StoreName,
  UserId,
  VersionId,
} from '../../../src/vocabulary/vocabulary.ts'

// The service uses SQL for these tables. Tests use the typed query builder.
declare module '../../../src/database/connection/tables.ts' {
  interface Tables {
    firm_documents: FirmDocuments
    documents: Documents
    document_versions: DocumentVersions
    document_blobs: DocumentBlobs
    document_disposals: DocumentDisposals
    document_identities: DocumentIdentities
    document_unfollowed: DocumentUnfollowed
  }
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
  shown_version: number | null
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

type DocumentBlobs = {
  id: Generated<BlobId>
  firm_id: FirmId | null
  document_id: DocumentId | null
  version_id: VersionId | null
  store: StoreName
  store_id: StoreId | null
  storage_key: StorageKey | QuarantineKey
  state: BlobState
  // The driver returns a bigint as text.
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

type DocumentDisposals = {
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

type DocumentIdentities = {
  id: Generated<IdentityId>
  issuer: string
  subject: string
  user_id: UserId
  linked_by: UserId | null
  linked_at: Defaulted
}

type DocumentUnfollowed = {
  firm_id: FirmId
  document_id: DocumentId
  noted_at: Defaulted
}
