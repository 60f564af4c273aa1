import type { S3Client } from '@aws-sdk/client-s3'

import type { S3Config } from '../../config.ts'
import type { SeenAnswers } from './watch-answers.ts'

const stepNames = [
  'credentials',
  'bucket',
  'clock',
  'list',
  'put',
  'get',
  'presigned_get',
  'delete',
  'abort_multipart',
  'safeguards',
  'cors',
] as const
export type StepName = (typeof stepNames)[number]

/** `note`: worth knowing, and no reason to call the connection broken. `skipped`: what it stands on failed, or nobody needs it. */
export type Outcome = 'ok' | 'failed' | 'note' | 'skipped'

export type Finding = { outcome: Outcome; says: string; advice?: string }
export type StepResult = Finding & { step: StepName }

/** What the steps share. */
export type ConnectionTest = {
  config: S3Config
  corsOrigins: string[]
  client: S3Client
  seen: SeenAnswers
}

/** One thing to try. What it throws is explained to the operator as the want of `right`, or as what S3 called it. */
export type ConnectionStep = {
  step: StepName
  /** What is said of it when it went well and has nothing more to say. */
  title: string
  /** Not tried unless these went well. */
  after: StepName[]
  right: string
  run(test: ConnectionTest): Promise<Finding | 'ok'>
}

export const testKey = 'test/connection_test.txt'
export const testText = 'Paniq Documents wrote this to see whether it can; it may be removed.\n'
