import type { DocumentShape } from '../../../src/contract/documents.ts'
import {
  differs,
  inForceOf,
  type Uploaded,
  type KnownDocument,
  type KnownVersion,
  type Model,
  nameOf,
  type VersionFile,
  versionOf,
} from '../state/model.ts'
import { noteScanned } from './note-scans.ts'
import { bothStores } from './note-stores.ts'

/** A version as the API shows it. It must match the model, which then knows its store and scan status. */
export function noteShown(model: Model, document: KnownDocument, shape: DocumentShape, number?: number): void {
  assertShown(model, document, shape, number)
  const version = versionOf(document, number)
  version.drains &&= shape.storage === 'local'
  version.stores = version.drains ? bothStores : [shape.storage]
}

export function assertShown(
  model: Model,
  document: KnownDocument,
  shape: DocumentShape,
  number = document.versions.length,
): void {
  const version = versionOf(document, number)
  const oddity = findOddity({ ...document, ...version, number, inForce: inForceOf(document) }, shape)
  if (oddity !== undefined) differs(`${nameOf(document)} has another ${oddity}: ${JSON.stringify(shape)}`)
  noteScanned(model, version, shape.scan_status)
  if (!version.stores.includes(shape.storage))
    differs(`${nameOf(document)} lies on ${shape.storage}, which cannot be: it is on ${version.stores.join(' or ')}`)
}

export function isFirstVersion(file: Uploaded, shape: DocumentShape): boolean {
  const fresh = { number: 1, inForce: null, isInTrash: false, review: { status: 'pending', reason: null } } as const
  return findOddity({ ...file, ...fresh }, shape) === undefined
}

type Shown = VersionFile &
  Pick<KnownDocument, 'documentType' | 'isInTrash'> & { number: number; inForce: number | null } & Pick<
    KnownVersion,
    'review'
  >

function findOddity(shown: Shown, shape: DocumentShape): string | undefined {
  const { status, reason } = shown.review
  const fields = {
    type: shape.document_type === shown.documentType,
    name: shape.file_name === shown.fileName,
    size: shape.file_size === shown.fileSize,
    'media type': shape.mime_type === shown.mimeType,
    hash: shape.sha256 === shown.sha256,
    person: shape.uploaded_by === shown.uploadedBy,
    number: shape.version === shown.number,
    'version in force': shape.verified_version === shown.inForce,
    review:
      shape.review_status === status && shape.review_reason === reason && shape.is_verified === (status === 'verified'),
    trash: (shape.deleted_at !== null) === shown.isInTrash,
  }
  return Object.entries(fields).find(([, isRight]) => !isRight)?.[0]
}
