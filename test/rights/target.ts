import type { S3Client } from '@aws-sdk/client-s3'

/** What the calls of the tables are made on. The owner made all of it. */
export type Target = {
  /** That of the documents: with versions, and with Object Lock. */
  bucket: string
  /** Of the same store, and no policy's concern. */
  other: string
  /** Heads lie below `heads/`, backups below `paniq/`. */
  elsewhere: string
  document: string
  versionId: string
  /** Of an upload in parts that is under way. */
  uploadId: string
}

/** By what the call does, the action that it needs and the call. */
export type Calls = Record<string, [action: string, send: (client: S3Client, target: Target) => Promise<unknown>]>
