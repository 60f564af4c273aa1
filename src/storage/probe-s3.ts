import { randomUUID } from 'node:crypto'

import { PutObjectCommand } from '@aws-sdk/client-s3'

import type { FirmId } from '../vocabulary.ts'
import { callS3, S3Error, type S3Reach } from './s3-operation.ts'
import { storageKeyOf } from './storage-key.ts'

/** A key that no file ever has: a store that can say so can be asked. */
export const keyOfNothing = storageKeyOf({
  firmId: '00000000-0000-0000-0000-000000000000' as FirmId, // no firm has the nil UUID
  documentType: 'readiness_check',
  uuid: randomUUID(),
  extension: 'pdf',
})

/**
 * Resolves when an upload would be taken: a write is asked for that S3 must refuse last of all, since it is to replace
 * an object that is not there. Network, credentials, clock, bucket and the right to write have passed by then, and
 * nothing was written. Throws what stood in the way.
 */
export async function probeS3(reach: S3Reach): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: reach.bucket,
    Key: keyOfNothing,
    Body: '',
    ContentLength: 0,
    IfMatch: '"00000000000000000000000000000000"',
  })
  try {
    await callS3(reach, { operation: 'put_object', key: keyOfNothing }, (options) =>
      reach.client.send(command, options),
    )
  } catch (error) {
    // One says that the object has not this content, the other that there is none.
    const isLastRefusal = error instanceof S3Error && (error.code === 'key_taken' || error.code === 'bytes_missing')
    if (!isLastRefusal) throw error
  }
}
