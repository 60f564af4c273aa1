import type { Logger } from 'pino'

import type { Db, Tx } from '../database/client.ts'
import { inTransaction, OutcomeUnknown } from '../database/in-transaction.ts'
import type { Quota } from '../database/quotas.ts'
import { closeRemovedUpload, closeUpload, giveRoomBack, openUpload, type OpenUpload } from '../database/uploads.ts'
import { AppError } from '../errors.ts'
import type { Metrics } from '../metrics.ts'
import type { IncomingFile, StoredFile } from '../storage/file-store.ts'
import { isS3Out } from '../storage/s3-operation.ts'
import { quotaExceeded } from './assert-room.ts'
import { measureWrite } from './measure-write.ts'
import { removeBytes } from './remove-bytes.ts'
import { storeHolding, type Stores } from './stores.ts'

export type KeepBytesNeeds = {
  db: Db
  stores: Stores
  log: Logger
  metrics: Metrics
  /** Of a firm that has none of its own. */
  usualQuota: Quota
}

/**
 * Bytes first and durable, row last: names the bytes and reserves room for them, stores them, then runs `record` in the one
 * transaction that makes them a version. Throws `quota_exceeded` where the firm has no room. Whatever fails leaves
 * nothing, but for two cases in which what may lie there stays, still named by its open upload: a commit whose outcome is
 * unknown, and an S3 that failed, since nobody's answer waits for it to come back.
 */
export async function keepBytes<Result>(
  needs: KeepBytesNeeds,
  upload: OpenUpload,
  file: IncomingFile,
  record: (trx: Tx, stored: StoredFile) => Promise<Result>,
): Promise<Result> {
  const store = storeHolding(needs.stores, upload)
  await open(needs, upload)
  try {
    const stored = await measureWrite(needs.metrics, store.name, file, () => store.write(upload.key, file))
    return await inTransaction(needs.db, async (trx) => {
      if (!(await closeUpload(trx, upload.id)))
        throw new AppError('internal', 'This upload was given up meanwhile. Send the file again.')
      const result = await record(trx, stored)
      // The last moment at which a client that went away can be left without a document it never heard of.
      file.signal?.throwIfAborted()
      return result
    })
  } catch (error) {
    if (error instanceof OutcomeUnknown) {
      needs.log.error(
        { event: 'upload_outcome_unknown', key: upload.key, store: upload.store, err: error },
        'the bytes stay: the commit may stand',
      )
      throw error
    }
    if (isS3Out(error)) await leave(needs, upload)
    else await giveUp(needs, upload)
    throw error
  }
}

async function open({ db, usualQuota }: KeepBytesNeeds, upload: OpenUpload): Promise<void> {
  const { refused, ...room } = await openUpload(db, upload, usualQuota)
  if (refused !== null) throw quotaExceeded(room, refused, upload.growth.bytes)
}

/** What S3 may have of it is left to the collector; the file itself may go elsewhere, and counts there. */
async function leave(needs: KeepBytesNeeds, upload: OpenUpload): Promise<void> {
  try {
    await giveRoomBack(needs.db, upload.id)
    tellLeft(needs, upload)
  } catch (error) {
    tellLeft(needs, upload, error)
  }
}

/** Removes what a failed upload may have left. What cannot be removed now stays named by its open upload, for the collector. */
async function giveUp(needs: KeepBytesNeeds, upload: OpenUpload): Promise<void> {
  try {
    await removeBytes(needs, upload, upload.id)
    if (!(await closeRemovedUpload(needs.db, upload.id))) tellLeft(needs, upload)
  } catch (error) {
    tellLeft(needs, upload, error)
  }
}

function tellLeft({ log }: KeepBytesNeeds, { key, store }: OpenUpload, error?: unknown): void {
  log.warn({ event: 'upload_left_behind', key, store, err: error }, 'the collector will remove these bytes')
}
