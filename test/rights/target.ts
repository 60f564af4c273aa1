import type { S3Client } from '@aws-sdk/client-s3'

/** The targets of the calls in the tables. The owner created all of them. */
export type Target = {
  /** The bucket of the documents, with versions and Object Lock. */
  bucket: string
  /** Another bucket of the same store, in no policy. */
  other: string
  /** Heads are below `heads/`, backups below `paniq/`. */
  elsewhere: string
  document: string
  versionId: string
  /** The id of a multipart upload in progress. */
  uploadId: string
}

/** By name: the action that the call needs, and the call. */
export type Calls = Record<string, [action: string, send: (client: S3Client, target: Target) => Promise<unknown>]>
