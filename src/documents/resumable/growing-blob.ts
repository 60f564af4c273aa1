import { randomUUID } from 'node:crypto'

import type { ResumableUpload } from '../../database/resumable/resumable-uploads.ts'
import { insertRest, recordProgress, type UploadClaim } from '../../database/resumable/upload-claims.ts'
import { AppError } from '../../errors/app-error.ts'
import type { GrowingFile, GrowingFiles, GrowthKeeper } from '../../storage/growing-file.ts'
import { createS3Growing } from '../../storage/s3/s3-growing-file.ts'
import type { Spool } from '../../storage/spool/spool.ts'
import { storageKeyOf } from '../../storage/storage-key.ts'
import type { BlobId, Caller } from '../../vocabulary/vocabulary.ts'
import { removeNow, type RemoveNeeds } from '../stores/remove-blobs.ts'
import { requireStore } from '../stores/reachable-stores.ts'

export type GrowingNeeds = RemoveNeeds & { spool: Spool }

/** The driver for a blob. Throws `store_unavailable` if it is on another instance's disk. */
export function growingFilesOf(
  { stores, spool }: Pick<GrowingNeeds, 'stores' | 'spool'>,
  location: Pick<ResumableUpload, 'store' | 'storeId'>,
): GrowingFiles {
  requireStore(stores, location)
  const { s3, local } = stores
  return location.store === 's3' && s3 !== undefined ? createS3Growing({ store: s3, spool }) : local.growing
}

/** The driver's state of an upload, from its row. */
export function growingFileOf(upload: ResumableUpload): GrowingFile {
  const { key, contentType, totalBytes, bytes, multipartId, parts, restKey, restBytes } = upload
  const { fileName: originalFileName, documentType, firmId, documentId } = upload
  return {
    key,
    contentType,
    labels: { originalFileName, documentType, firmId, documentId },
    totalBytes,
    bytes,
    multipartId,
    parts,
    rest: restKey === null ? null : { key: restKey, bytes: restBytes },
  }
}

/** Saves the driver's state in the upload's row, as long as the claim is this request's. */
export function keepGrowth(
  needs: GrowingNeeds,
  upload: ResumableUpload,
  { claim, apiKeyId }: { claim: UploadClaim } & Pick<Caller, 'apiKeyId'>,
): GrowthKeeper {
  const { db, processId, log } = needs
  const { firmId, documentId, documentType } = upload
  return {
    async record({ bytes, parts, rest }) {
      const oldRests = await recordProgress(db, claim, { bytes, parts, rest, apiKeyId })
      if (oldRests === false) throw takenOver()
      await removeNow(needs, upload, oldRests).catch((error: unknown) =>
        log.warn({ event: 'upload_left_behind', key: upload.restKey, err: error }, 'collector will remove these bytes'),
      )
    },
    async nameRest() {
      const key = storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension: 'rest' })
      await insertRest(db, processId, { id: randomUUID() as BlobId, firmId, documentId, key }) // a fresh id
      return key
    },
  }
}

/** The client asks for the offset and goes on: no denial. */
export class UploadConflict extends AppError {
  constructor(message: string) {
    super('conflict', message)
  }
}

export function takenOver(): AppError {
  return new UploadConflict('Another request continues this upload. Ask for its offset with HEAD, then go on.')
}
