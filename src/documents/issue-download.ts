import type { Logger } from 'pino'

import type { Db } from '../database/client.ts'
import { type OpenedDownload, openForDownload } from '../database/open-for-download.ts'
import { AppError } from '../errors.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { DownloadLink, FileStore } from '../storage/file-store.ts'
import type { Actor, Clock, DocumentId, FirmId } from '../vocabulary.ts'
import { formatOf } from './formats.ts'
import { storeHolding, type Stores } from './stores.ts'

export type DownloadNeeds = { db: Db; stores: Stores; log: Logger; linkSeconds: number; now: Clock }

export type DownloadRequest = { firmId: FirmId; documentId: DocumentId; disposition: 'attachment' | 'inline' }

export type IssuedDownload = {
  document: OpenedDownload
  store: FileStore
  disposition: 'attachment' | 'inline'
  sign: () => Promise<DownloadLink>
}

/**
 * Decides, and records in the audit trail, that this person gets these bytes now: the document to send, the store that
 * holds it, and a link to it when one is wanted. Throws the refusal, `not_found`, `gone`, `scan_pending`,
 * `quarantined`, or `store_unavailable` when the bytes lie on another instance's disk.
 */
export async function issueDownload(
  needs: DownloadNeeds,
  actor: Actor,
  request: DownloadRequest,
): Promise<IssuedDownload> {
  const document = await openForDownload(needs.db, actor, {
    ...request,
    right: rights['documents.download'],
    confidentialRoles,
  })
  assertDownloadable(document)
  const store = storeHolding(needs.stores, {
    store: document.store,
    storeId: document.storeId,
    key: document.storageKey,
  })
  const disposition =
    request.disposition === 'inline' && formatOf(document.mimeType)?.canShowInline === true ? 'inline' : 'attachment'
  needs.log.info({
    event: 'document_access',
    action: 'download',
    document_id: document.id,
    firm_id: document.firmId,
    user_id: actor.userId,
    store: store.name,
  })

  const sign = () =>
    store.signDownload(document.storageKey, {
      fileName: document.fileName,
      contentType: document.mimeType,
      disposition,
      seconds: needs.linkSeconds,
    })
  return { document, store, disposition, sign }
}

function assertDownloadable(document: OpenedDownload | undefined): asserts document is OpenedDownload {
  if (document === undefined) throw noSuchDocument()
  switch (document.outcome) {
    case 'ok':
      return
    case 'not_found':
      throw noSuchDocument()
    case 'gone':
      throw new AppError(
        'gone',
        document.deletedAt === null
          ? 'The bytes of this document were found missing or damaged. The operator has been told.'
          : 'This document is in the trash. Restore it to download it.',
      )
    case 'scan_pending':
      throw new AppError('scan_pending', 'This document has not been scanned for viruses yet. Try again in a minute.', {
        retryAfterSeconds: 60,
      })
    case 'quarantined':
      throw new AppError('quarantined', 'This document is in quarantine: a virus was found in it.')
  }
}

export function noSuchDocument(): AppError {
  return new AppError('not_found', 'There is no such document in this firm.')
}
