import type { TransitionClass } from './lifecycle-rules.ts'

/** What an operator asks for. What is not said stays as an earlier run of this command left it, or is as usual. */
export type BucketChoices = {
  noncurrentDays?: number
  transition?: { days: number; storageClass: TransitionClass } | 'off'
  quarantineDays?: number | 'off'
  /** A key of KMS by its ARN. */
  kmsKey?: string
  /** Pages of these may read what links lead to. */
  origins: string[]
  replication?: ReplicationChoice | 'off'
}

export type ReplicationChoice = {
  bucketArn: string
  role: string
  kmsKey: string | undefined
  followsDeletes: boolean
}
