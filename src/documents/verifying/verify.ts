import type { EventActor } from '../../database/events.ts'
import { countElsewhere, countOverdue, recordVerification } from '../../database/verifications.ts'
import { checkStore } from './check-store.ts'
import { emptyTally, type Finding, leftOf } from './finding.ts'
import { tellLateFallback } from './late-fallback.ts'
import { lookForStrays } from './look-for-strays.ts'
import { storesHere } from '../stores-here.ts'
import type { Verification, Verified, VerifyNeeds } from './verification.ts'

/**
 * Looks whether rows and bytes agree, on this disk and on S3: each version's bytes are there and are those that were
 * stored, and all that lies in the stores is named by a row. What is wrong is marked and blocked, what is right again is
 * released, and strays are put aside where that is asked for. It holds a page of rows and a piece of each file, and may
 * be ended at any moment and run again.
 */
export async function verify(needs: VerifyNeeds, actor: EventActor, verification: Verification): Promise<Verified> {
  const verified = await startOf(needs)
  const onFinding = (finding: Finding) => {
    verified.findings[finding.kind] += 1
    verification.onFinding(finding)
  }
  const run = { verification, verified, onFinding }
  for (const here of storesHere(needs.stores)) await checkStore(needs, actor, here, run)
  await tellLateFallback(needs, { ...verification, onFinding })
  for (const here of storesHere(needs.stores)) await lookForStrays(needs, actor, here, run)

  const overdue = await countOverdue(needs.db, new Date(needs.now().getTime() - 2 * needs.graceMs))
  if (overdue > 0) verified.notes.push(`${overdue} leftovers should have been tidied up: does a service with jobs run?`)
  return end(needs, verification, verified)
}

async function startOf({ db, stores }: VerifyNeeds): Promise<Verified> {
  const elsewhere = await countElsewhere(db, {
    localStoreId: stores.local.storeId,
    hasS3: stores.s3 !== undefined,
  })
  const findings = emptyTally()
  return { files: 0, bytes: 0, notHere: elsewhere, hashed: 0, findings, notes: [], isComplete: true, isRight: false }
}

async function end(
  { db, log }: VerifyNeeds,
  { plan, reads, signal }: Verification,
  verified: Verified,
): Promise<Verified> {
  const isComplete = !signal.aborted
  const left = leftOf(verified.findings)
  const isRight = isComplete && Object.values(left).every((count) => count === 0)
  const { files, bytes } = verified
  if (isComplete) await recordVerification(db, { share: plan.share, reads, isComplete, files, bytes, findings: left })
  log.info({ event: 'verified', share: plan.share, reads, complete: isComplete, files, bytes, ...left }, 'verified')
  return { ...verified, isComplete, isRight }
}
