import { ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3'

import type { StorageKey } from '../vocabulary.ts'
import { askS3, type S3Reach } from './s3-operation.ts'
import { isStorageKey } from './storage-key.ts'

export type UnfinishedUpload = { key: StorageKey; multipartId: string; startedAt: Date }

export type UnfinishedCursor = { key: string; multipartId: string }

export type UnfinishedPage = { uploads: UnfinishedUpload[]; next: UnfinishedCursor | undefined }

/**
 * A page of the multipart uploads that were begun and neither completed nor aborted, of keys of our form. `not_allowed`:
 * the credentials may not list them, which the service needs for nothing else.
 */
export async function listS3Multiparts(
  reach: S3Reach,
  after: UnfinishedCursor | undefined,
): Promise<UnfinishedPage | 'not_allowed'> {
  const from = after && { KeyMarker: after.key, UploadIdMarker: after.multipartId }
  const command = new ListMultipartUploadsCommand({ Bucket: reach.bucket, ...from })
  // Many keys lack this right on purpose.
  const page = await askS3(reach, { operation: 'list_multiparts' }, { command, answers: ['AccessDenied'] })
  return 'errorName' in page ? 'not_allowed' : pageOf(page)
}

function pageOf({ Uploads, IsTruncated, NextKeyMarker, NextUploadIdMarker }: ListMultipartUploadsCommandOutput) {
  const uploads = (Uploads ?? []).flatMap(({ Key: key, UploadId: multipartId, Initiated: startedAt = new Date(0) }) =>
    key !== undefined && multipartId !== undefined && isStorageKey(key) ? [{ key, multipartId, startedAt }] : [],
  )
  const next = IsTruncated ? { key: NextKeyMarker ?? '', multipartId: NextUploadIdMarker ?? '' } : undefined
  return { uploads, next }
}
