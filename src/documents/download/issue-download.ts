import type { OpenedDocument } from '../../database/documents/open-document.ts'
import { traced } from '../../logging/spans.ts'
import type { Metrics } from '../../metrics/metrics.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import type { DownloadLink } from '../../storage/file-store.ts'
import type { S3Trouble } from '../../storage/s3/requests/s3-errors.ts'
import type { Actor, Clock, DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import { accessDocument, type DownloadRight, noSuchDocument, type OpeningNeeds } from '../access-document.ts'
import { contentGone, inQuarantine, inTrash, notScannedYet } from './assert-servable.ts'
import { formatOf, servedTypeOf } from '../formats/allowed-formats.ts'
import type { BlobToRead } from './open-stored-file.ts'
import { toAppError, requireStore, type Stores, storeUnavailable } from '../stores/reachable-stores.ts'

export type DownloadNeeds = OpeningNeeds & {
  stores: Stores
  scanner: Scanner | undefined
  metrics: Pick<Metrics, 'downloads'>
  /** `DOWNLOAD_URL_SECONDS`, an hour by default. A link ends earlier with the credentials that sign it (`storage/links`). */
  linkSeconds: number
  now: Clock
}

type DownloadRequest = {
  firmId: FirmId
  documentId: DocumentId
  /** Undefined: the current version. */
  version?: number
  disposition: 'attachment' | 'inline'
  /** Absent: a download by the person themselves. */
  right?: DownloadRight
  isContinued?: boolean
  /** The life of a link that is made; absent: `linkSeconds`. */
  seconds?: number
}

export type IssuedDownload = {
  document: OpenedDocument
  bytes: BlobToRead
  contentType: string
  disposition: 'attachment' | 'inline'
  /** Throws `store_unavailable` without credentials to sign with. */
  sign: () => Promise<DownloadLink>
}

/** These outages end only with a restart. During others a link is issued: S3 may be back when it is used. */
const unusable = new Set<S3Trouble | undefined>(['no_credentials', 'not_ours'])

/**
 * Decides whether this person may download a document now, and records it in the audit trail before anything is sent.
 * Returns the document, the location of its blob, and a function that signs a link. Throws the denial, `not_found`, `gone`,
 * `scan_pending`, `quarantined`, or `store_unavailable` if the blob is on another instance's disk.
 */
export async function issueDownload(
  needs: DownloadNeeds,
  actor: Actor,
  request: DownloadRequest,
): Promise<IssuedDownload> {
  return traced('issue download', async (span) => {
    const issued = await issue(needs, actor, request)
    span?.add({ store: issued.bytes.store, bytes: issued.bytes.size })
    return issued
  })
}

async function issue(needs: DownloadNeeds, actor: Actor, request: DownloadRequest): Promise<IssuedDownload> {
  const { s3, local } = needs.stores
  const document = await accessDocument(needs, actor, {
    ...request,
    right: request.right ?? 'documents.download',
    bytesFrom: {
      localStoreId: local.storeId,
      hasS3: s3 !== undefined && !unusable.has(s3.outage()?.trouble),
      hasScanner: needs.scanner !== undefined,
    },
  })
  assertDownloadable(document)
  const { store, storeId, storageKey: key, fileSize, sha256 } = document
  const holding = requireStore(needs.stores, { store, storeId })
  needs.metrics.downloads.inc({ store })
  const contentType = servedTypeOf(document.mimeType)
  const disposition = formatOf(contentType)?.isInline === true ? request.disposition : 'attachment'
  const { fileName, version } = document
  const { firmId, documentId, seconds = needs.linkSeconds } = request
  const { userId, sessionId, apiKeyId } = actor
  const named = { issuedTo: { userId, sessionId, apiKeyId }, firmId, documentId, version }
  const link = { fileName, contentType, disposition, seconds, ...named }
  const sign = () =>
    holding.signDownload(key, link).catch((error: unknown) => {
      throw toAppError(error)
    })
  return { document, bytes: { store, storeId, key, size: fileSize, sha256 }, contentType, disposition, sign }
}

function assertDownloadable(document: OpenedDocument): void {
  switch (document.outcome) {
    case 'ok':
      return
    case 'not_found':
      throw noSuchDocument()
    case 'gone':
      throw document.deletedAt === null ? contentGone() : inTrash()
    case 'scan_pending':
      throw notScannedYet()
    case 'quarantined':
      throw inQuarantine()
    case 'store_unavailable':
      throw storeUnavailable()
  }
}
