import { compareWithPlatform } from './compare-with-platform.ts'
import { followPlatform } from './follow-platform.ts'
import { hashPlatformDocuments } from './hash-platform-documents.ts'
import { holdObjects } from './hold-objects.ts'
import { housekeeping } from './housekeeping.ts'
import { keepAuditHead } from './keep-audit-head.ts'
import { purge } from './purge.ts'
import { scanWaiting } from './scan-waiting.ts'
import { sealAuditTrail } from './seal-audit-trail.ts'
import { sumUpFirms } from './sum-up-firms.ts'
import { verifySample } from './verify-sample.ts'
import type { Job } from './job.ts'

/** All that waits for its time in the queue. */
export const everyJob: Job[] = [
  housekeeping,
  followPlatform,
  compareWithPlatform,
  hashPlatformDocuments,
  scanWaiting,
  sumUpFirms,
  verifySample,
  sealAuditTrail,
  keepAuditHead,
  purge,
  holdObjects,
]
