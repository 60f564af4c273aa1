import { randomBytes } from 'node:crypto'

import { PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3'
import type { Query } from '../../support/blobs/query.ts'
import { isAlive } from '../../support/blobs/watch-blobs.ts'
import { s3ClientOf } from '../../support/services/packages/s3-client.ts'
import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import type { Random } from './random.ts'

type Needs = {
  query: Query
  bucket: FreshBucket
  /** The locations of planted bytes; grows. */
  planted: Set<string>
}

type OpenMove = { key: string; size: number }

/**
 * Puts other bytes of the same length at the target of a dead move, as if S3 had stored the file wrongly. The mover
 * that resumes the move has to detect this, or the row will name them.
 */
export async function plantWrongBytes({ query, bucket, planted }: Needs, random: Random): Promise<void> {
  await query('begin')
  try {
    await plantWhereNobodyMoves({ query, bucket, planted }, random)
  } finally {
    await query('commit')
  }
}

/** Only if the mover is dead, and under the row's lock: another instance resumes its move at once. */
async function plantWhereNobodyMoves({ query, bucket, planted }: Needs, random: Random): Promise<void> {
  const rows = await query<OpenMove>(`
    select b.storage_key as key, v.file_size as size from document_blobs b
    join document_versions v on v.firm_id = b.firm_id and v.id = b.version_id
    where b.state = 'incoming' and b.source_id is not null and b.source_key is null and b.store = 's3'
      and not ${isAlive('b.claimed_by')}
    for update of b skip locked`)
  const chosen = rows.filter(() => random.percent(50))
  if (chosen.length === 0) return
  // With the service's own permissions, so that it may read them.
  const s3 = s3ClientOf(bucket.s3, bucket.s3.app)
  try {
    for (const { key, size } of chosen) {
      const command = new PutObjectCommand({ Bucket: bucket.name, Key: key, Body: randomBytes(size), IfNoneMatch: '*' })
      if (await isPut(s3.send(command))) planted.add(`s3:${key}`)
    }
  } finally {
    s3.destroy()
  }
}

/** False if a copy exists there already, which then stays. */
async function isPut(sending: Promise<unknown>): Promise<boolean> {
  try {
    await sending
    return true
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412) return false
    throw error
  }
}
