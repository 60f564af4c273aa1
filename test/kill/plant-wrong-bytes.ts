import { randomBytes } from 'node:crypto'

import { PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3'
import type { Client } from 'pg'

import { s3ClientOf } from '../support/s3-client.ts'
import type { FreshBucket } from '../support/fresh-bucket.ts'
import type { Random } from './random.ts'

type Needs = {
  client: Client
  bucket: FreshBucket
  /** Places where this put something; grows. */
  planted: Set<string>
}

type OpenMove = { key: string; size: number }

/**
 * Puts other bytes of the same length where a mover that died meant to copy a file: as if S3 had kept what it was sent
 * wrongly. Whoever takes the move over has to find that out, or the row will point at them.
 */
export async function plantWrongBytes({ client, bucket, planted }: Needs, random: Random): Promise<void> {
  const { rows } = await client.query<OpenMove>(
    `select m.to_key as key, v.file_size as size from document_moves m
     join document_versions v on v.firm_id = m.firm_id and v.id = m.version_id where m.to_store = 's3'`,
  )
  const chosen = rows.filter(() => random.percent(50))
  if (chosen.length === 0) return
  // With the service's own rights, so that it may read them.
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

/** False when a copy lies there already, which is then left as it is. */
async function isPut(sending: Promise<unknown>): Promise<boolean> {
  try {
    await sending
    return true
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 412) return false
    throw error
  }
}
