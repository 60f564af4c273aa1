import { resolve } from 'node:path'

import type { Logger } from 'pino'

import type { Config } from '../config.ts'
import { makeS3Client } from '../storage/s3-client.ts'
import type { HeadKeeper } from './head-keeper.ts'
import { keepHeadsInBucket } from './keep-heads-in-bucket.ts'
import { keepHeadsInFile } from './keep-heads-in-file.ts'

/** Where `AUDIT_HEADS` says; undefined where it says nothing. Nobody is asked yet. */
export function openHeads(
  { auditHeads: place, s3 }: Pick<Config, 'auditHeads' | 's3'>,
  log: Pick<Logger, 'warn'>,
): HeadKeeper | undefined {
  if (place === undefined) return undefined
  if ('path' in place) return keepHeadsInFile(resolve(place.path))
  return keepHeadsInBucket(makeS3Client({ config: s3, log }), s3, place)
}
