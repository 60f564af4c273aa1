import { open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { paginateListObjectsV2, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Logger } from 'pino'
import { z } from 'zod'

import type { Config, S3Config } from '../config/load-config.ts'
import { createFolders, readIfExists } from '../files/file-system.ts'
import { diagnoseS3, type S3Diagnosis, watchResponses } from '../storage/s3/diagnosis/diagnose-s3.ts'
import { openS3Client } from '../storage/s3/requests/retrying-s3-client.ts'
import type { Heads } from './compare-trail.ts'

/** The newest seal, as it is stored outside of the database. */
export type Head = { number: number; hash: string; sealedAt: string }

/** Stores heads outside of the database, so that changes by the database's owner are detected. */
export type HeadStore = {
  /** Its path or URL, for people. */
  address: string
  /** Storing the same head again succeeds. A stored head is never replaced by another of its number. */
  store(head: Head): Promise<void>
  /** All stored heads. Throws `UnreadableHeads`, or an error of the system. */
  read(): Promise<Heads>
}

/** The task that stores heads; its runs show whether it succeeded. */
export const storeHeadTask = 'keep-audit-head'

/** The store that `AUDIT_HEADS` names, without a request to it; undefined if the setting is empty. */
export function openHeadStore(
  { auditHeads: location, s3 }: Pick<Config, 'auditHeads' | 's3'>,
  log: Pick<Logger, 'warn'>,
): HeadStore | undefined {
  if (location === undefined) return undefined
  if ('path' in location) return createFileHeadStore(resolve(location.path))
  return createBucketHeadStore(openS3Client({ config: s3, log }), s3, location)
}

type BucketPrefix = { bucket: string; prefix: string }

/**
 * Stores each head as an object that is written once. Its name has all the data, so one listing reads all heads, and
 * another head of the same number has another name. With Object Lock and a default retention nobody can destroy them.
 */
function createBucketHeadStore(client: S3Client, s3: S3Config, { bucket, prefix }: BucketPrefix): HeadStore {
  const seen = watchResponses(client)
  return {
    address: `s3://${bucket}/${prefix}`,
    async store(head) {
      const key = `${prefix}${String(head.number).padStart(12, '0')}-${head.hash}.json`
      const body = JSON.stringify({ number: head.number, hash: head.hash, sealed_at: head.sealedAt })
      try {
        await client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: body,
            ContentType: 'application/json',
            // Object Lock requires a checksum.
            ChecksumAlgorithm: 'SHA256',
            IfNoneMatch: '*',
          }),
        )
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'PreconditionFailed') throw error
      }
    },
    async read() {
      try {
        return await readAll(client, { bucket, prefix })
      } catch (error) {
        const about = { config: { ...s3, bucket }, seen, right: 's3:ListBucket' }
        throw new UnreadableHeads(diagnoseS3(error, about), error)
      }
    },
  }
}

async function readAll(client: S3Client, { bucket, prefix }: BucketPrefix): Promise<Heads> {
  const heads = new Map<number, Set<string>>()
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key: key = '' } of page.Contents ?? []) {
      const [, number, hash] = /^(\d{12})-([0-9a-f]{64})\.json$/.exec(key.slice(prefix.length)) ?? []
      if (number !== undefined && hash !== undefined) addHead(heads, { number: Number(number), hash })
    }
  }
  return heads
}

function addHead(heads: Map<number, Set<string>>, { number, hash }: Pick<Head, 'number' | 'hash'>): void {
  const hashes = heads.get(number)
  if (hashes === undefined) heads.set(number, new Set([hash]))
  else hashes.add(hash)
}

const headSchema = z.object({ number: z.number().int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) })

function parseHead(text: string, line: number): z.output<typeof headSchema> {
  try {
    return headSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new Error(`line ${line} is not a head`, { cause: error })
  }
}

/** Appends heads as lines of JSON to a file, for example on a disk of another machine. */
export function createFileHeadStore(path: string): HeadStore {
  return {
    address: path,
    async store(head) {
      await createFolders(dirname(path), 0o777)
      await using file = await open(path, 'a', 0o600)
      await file.appendFile(`${JSON.stringify({ number: head.number, hash: head.hash, sealed_at: head.sealedAt })}\n`)
      await file.sync()
    },
    async read() {
      const heads = new Map<number, Set<string>>()
      for (const [index, line] of ((await readIfExists(path)) ?? '').split('\n').entries())
        // After a crash a line may be cut, and the next head follows on the same line.
        for (const text of line.match(/\{[^{}]*\}/g) ?? []) addHead(heads, parseHead(text, index + 1))
      return heads
    },
  }
}

/** Heads in a bucket could not be read. */
export class UnreadableHeads extends Error {
  override readonly name = 'UnreadableHeads'
  readonly failure: S3Diagnosis

  constructor(failure: S3Diagnosis, cause: unknown) {
    super(`the heads cannot be read: ${failure.s3Code}`, { cause })
    this.failure = failure
  }
}
