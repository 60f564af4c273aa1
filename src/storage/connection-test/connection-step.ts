import type { S3Client } from '@aws-sdk/client-s3'

import type { S3Config } from '../../config/load-config.ts'
import type { ResponseFacts, S3Diagnosis } from '../s3/diagnosis/diagnose-s3.ts'
import type { CredentialsFound } from '../s3/diagnosis/find-credentials.ts'

export type StepName =
  | 'credentials'
  | 'bucket'
  | 'clock'
  | 'list'
  | 'put'
  | 'get'
  | 'presigned_get'
  | 'delete'
  | 'abort_multipart'
  | 'safeguards'
  | 'cors'

/** `note`: worth knowing, but no failure. `skipped`: an earlier step failed, or the step is not needed. */
export type Outcome = 'ok' | 'failed' | 'note' | 'skipped'

export type Safeguard =
  | 'versioning'
  | 'public_access'
  | 'encryption'
  | 'tls_only'
  | 'no_old_signatures'
  | 'unfinished_uploads'

/** The facts of each kind of finding, for the sentence that explains it. */
export type FindingFacts = {
  as_expected: object
  not_tested: object
  failure: { failure: S3Diagnosis }
  credentials: { credentials: CredentialsFound }
  bucket_exists: object
  bucket_created: object
  bucket_not_listed: object
  bucket_not_created: { failure: S3Diagnosis }
  clock_unknown: object
  clock_wrong: { aheadMs: number }
  other_content: object
  link_not_signed: { reason: string }
  link_unreachable: { s3Code: string }
  link_rejected: { status: number; s3Code: string | undefined }
  safeguards: Record<'present' | 'missing' | 'unreadable', Safeguard[]>
  cors_not_needed: object
  cors_unreadable: object
  cors_allowed: object
  cors_denied: { origins: string[] }
}

export type FindingKind = keyof FindingFacts
export type Finding = { [Kind in FindingKind]: { outcome: Outcome; kind: Kind } & FindingFacts[Kind] }[FindingKind]
export type StepResult = Finding & { step: StepName }

export type ConnectionTest = { config: S3Config; corsOrigins: string[]; client: S3Client; seen: ResponseFacts }

/** One check of the connection. */
export type ConnectionStep = {
  step: StepName
  /** The steps that must succeed first. */
  after: StepName[]
  /** The right that its call needs. */
  right: string
  /** Whether it changes the bucket, so that it runs to its end. */
  changes?: true
  /** Undefined: everything is as expected. A thrown error becomes a `failure`. */
  run(test: ConnectionTest): Promise<Finding | undefined>
}
