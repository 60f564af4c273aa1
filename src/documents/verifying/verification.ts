import type { Sample } from '../../database/versions-in-store.ts'
import type { Metrics } from '../../metrics.ts'
import type { CheckNeeds } from './check-version.ts'
import type { Finding, Tally } from './finding.ts'
import type { Patience } from '../wait-for-s3.ts'
import type { RepairNeeds } from './repair-store.ts'

export type VerifyNeeds = CheckNeeds & RepairNeeds & { metrics: Pick<Metrics, 'wrongBytes' | 'verifiedBytes'> }

/** With how long S3 is waited for when it goes away in the middle. */
export type Verification = {
  plan: VerificationPlan
  /** Every byte; else presence and length alone. */
  reads: boolean
  /** Strays are put aside: `few` stops where there are suspiciously many. */
  repairs: 'nothing' | 'few' | 'many'
  concurrency: number
  onFinding: (finding: Finding) => void
  onChecked: (done: { files: number; bytes: number }) => void
} & Patience

export type VerificationPlan = {
  share: number
  sample: Sample | undefined
  /** The versions that will be looked at. */
  total: { files: number; bytes: number }
}

export type Verified = {
  files: number
  bytes: number
  /** Versions on other disks, or in a store that is not set up here. */
  notHere: number
  /** Versions of the platform whose hash is known from now on. */
  hashed: number
  findings: Tally
  /** What is worth knowing and no failure. */
  notes: string[]
  /** False when it was told to end before the end. */
  isComplete: boolean
  /** Whether all that could be looked at is right, or was set right. */
  isRight: boolean
}

/** One that is under way: what was asked for, and what was found so far. */
export type Run = Pick<Verification, 'onFinding'> & { verification: Verification; verified: Verified }
