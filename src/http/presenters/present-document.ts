import { createHash } from 'node:crypto'

import type { FastifyReply } from 'fastify'

import type { DocumentShape, EventShape, ReceivedDocumentShape } from '../../contract/documents.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import type { EventRecord } from '../../database/audit/events.ts'
import type { RecordedDocument } from '../../database/blobs/commit-upload.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { readableName } from '../../vocabulary/readable-name.ts'

type PresentNeeds = { scanner: Scanner | undefined }

/**
 * A document as in contract §3. With a scanner, a version that was never scanned is pending. `is_verified` and `verified_at`
 * are as in the platform's row: an expired version is not verified any more, while its decision stays `verified`.
 */
export function presentDocument(document: DocumentRecord, { scanner }: PresentNeeds): DocumentShape {
  const isVerified = document.reviewStatus === 'verified' && document.expiredAt === null
  return {
    id: document.id,
    firm_id: document.firmId,
    document_type: document.documentType,
    file_name: readableName(document.fileName),
    file_size: document.fileSize,
    mime_type: document.mimeType,
    sha256: document.sha256,
    version: document.version,
    verified_version: document.verifiedVersion,
    uploaded_by: document.uploadedBy,
    uploaded_at: document.uploadedAt.toISOString(),
    is_verified: isVerified,
    verified_at: isVerified ? (document.reviewedAt?.toISOString() ?? null) : null,
    review_status: document.reviewStatus,
    review_reason: document.reviewReason,
    review_comment: document.reviewComment,
    valid_until: document.validUntil,
    scan_status: document.scanStatus === 'skipped' && scanner !== undefined ? 'pending' : document.scanStatus,
    storage: document.store,
    deleted_at: document.deletedAt?.toISOString() ?? null,
  }
}

/** Answers an upload with 201 and the new document or version. */
export function sendReceived(reply: FastifyReply, document: RecordedDocument, needs: PresentNeeds): FastifyReply {
  const { id, firmId, duplicateOf } = document
  const location = `/api/v1/security-firms/${firmId}/documents/${id}`
  const received: ReceivedDocumentShape = {
    ...presentDocument(document, needs),
    ...(duplicateOf !== null && { duplicate_of: duplicateOf }),
  }
  return reply
    .code(201)
    .headers({ location, etag: etagOf(document, needs) })
    .send(received)
}

/** Changes with every visible field and every review: a review always applies to what the reviewer saw. */
export function etagOf(document: DocumentRecord, needs: PresentNeeds): string {
  const seen = JSON.stringify([presentDocument(document, needs), document.versionId, document.reviewedAt])
  return `"${createHash('sha256').update(seen).digest('base64url').slice(0, 22)}"`
}

export function presentEvent(event: EventRecord): EventShape {
  return {
    id: event.id,
    occurred_at: event.occurredAt.toISOString(),
    action: event.action,
    outcome: event.outcome,
    actor_id: event.actorId,
    version: event.version,
    request_id: event.requestId,
    details: event.details,
  }
}
