import { ListObjectsV2Command } from '@aws-sdk/client-s3'

import type { FileStat } from './file-store.ts'
import { statOf } from './s3-answers.ts'
import { callS3, type S3Reach } from './s3-operation.ts'
import { isStorageKey } from './storage-key.ts'

/** A page is asked for when the one before it was read. Objects whose key is not one of ours are passed over. */
export async function* listS3Objects(reach: S3Reach, prefix: string): AsyncGenerator<FileStat> {
  let next: string | undefined
  do {
    const from = next === undefined ? {} : { ContinuationToken: next }
    const command = new ListObjectsV2Command({ Bucket: reach.bucket, Prefix: prefix, ...from })
    const page = await callS3(reach, { operation: 'list_objects', key: prefix }, (options) =>
      reach.client.send(command, options),
    )
    for (const { Key: key, Size, LastModified, ETag } of page.Contents ?? []) {
      if (key !== undefined && isStorageKey(key)) yield statOf(key, { ContentLength: Size, LastModified, ETag })
    }
    next = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (next !== undefined)
}
