import type { Db } from '../../database/connection/client.ts'
import type { EventActor } from '../../database/audit/events.ts'
import {
  countUnreachable,
  countOverdue,
  listLateFallback,
  recordVerification,
  type WaitingVersion,
} from '../../database/documents/verifications.ts'
import { hasVersionsIn } from '../../database/documents/versions-in-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { claimStore, notOurBucket } from '../stores/claim-store.ts'
import { type ReachableStore, reachableStores } from '../stores/reachable-stores.ts'
import { type Checked, checkVersions } from './check-versions.ts'
import { checkOrphans } from './orphans.ts'
import {
  countUnresolved,
  createFindingCounts,
  type Finding,
  findingAt,
  type Verification,
  type VerificationRun,
  type Verified,
  type VerifyNeeds,
} from './plan-verification.ts'

/**
 * Compares rows and files on this disk and on S3: marks missing and corrupt versions, releases those that are right again,
 * and moves orphans to quarantine if asked to. Memory is bounded. Each mark is one statement; if the process dies, the
 * marks stay, and the next run starts over. Only a complete run is recorded.
 */
export async function verify(needs: VerifyNeeds, actor: EventActor, verification: Verification): Promise<Verified> {
  const verified = await startVerified(needs)
  const onFinding = (finding: Finding) => {
    verified.findings[finding.kind] += 1
    verification.onFinding(finding)
  }
  const run = { verification, verified, onFinding }
  for (const here of reachableStores(needs.stores)) await checkStore(needs, actor, here, run)
  await reportLateFallback(needs, { ...verification, onFinding })
  for (const here of reachableStores(needs.stores)) await checkOrphans(needs, actor, here, run)

  const overdue = await countOverdue(needs.db, new Date(needs.now().getTime() - 2 * needs.graceMs))
  if (overdue > 0) verified.notes.push(`${overdue} blobs should have been removed by now: does a service run jobs?`)
  return end(needs, verification, verified)
}

async function startVerified({ db, stores }: VerifyNeeds): Promise<Verified> {
  const notHere = await countUnreachable(db, { localStoreId: stores.local.storeId, hasS3: stores.s3 !== undefined })
  const findings = createFindingCounts()
  return { files: 0, bytes: 0, notHere, hashed: 0, findings, notes: [], isComplete: true, isRight: false }
}

async function end(
  { db, log }: VerifyNeeds,
  { plan, reads, signal }: Verification,
  verified: Verified,
): Promise<Verified> {
  const isComplete = !signal.aborted
  const findings = countUnresolved(verified.findings)
  const isRight = isComplete && Object.values(findings).every((count) => count === 0)
  const { files, bytes } = verified
  if (isComplete) await recordVerification(db, { share: plan.share, reads, isComplete, files, bytes, findings })
  log.info({ event: 'verified', share: plan.share, reads, complete: isComplete, files, bytes, ...findings }, 'verified')
  return { ...verified, isComplete, isRight }
}

/** Checks the content of each version in one store. */
async function checkStore(
  needs: VerifyNeeds,
  actor: EventActor,
  here: ReachableStore,
  { verification, verified, onFinding }: VerificationRun,
): Promise<void> {
  const { plan, reads, signal, onChecked } = verification
  const problem = await findOwnershipProblem(needs, here, signal)
  if (signal.aborted) return
  if (problem !== undefined) return onFinding({ ...findingAt(here, null), kind: 'unchecked', why: problem })
  const isThrough = await checkVersions(needs, actor, {
    ...verification,
    scope: { store: here.store, storeId: here.storeId, sample: plan.sample },
    onChecked(checked) {
      verified.files += 1
      verified.bytes += checked.version.fileSize
      if (reads) needs.metrics.verifiedBytes.inc(checked.version.fileSize)
      if (checked.outcome === 'not_here') verified.notHere += 1
      if (checked.outcome === 'hashed') verified.hashed += 1
      const finding = findingOf(checked)
      if (finding !== undefined) onFinding(finding)
      onChecked(verified)
    },
  })
  if (isThrough || signal.aborted) return
  const s3Code = needs.stores.s3?.outage()?.s3Code ?? 'no answer'
  onFinding({ ...findingAt(here, null), kind: 'unchecked', why: `S3 is out (${s3Code}): not all versions were read` })
}

/** Why findings in this store prove nothing. Undefined if the store is ours, should be empty, or does not answer. */
async function findOwnershipProblem(
  needs: VerifyNeeds,
  here: ReachableStore,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (here.store === 'local' || !(await hasVersionsIn(needs.db, 's3'))) return undefined
  try {
    if ((await untilAborted(claimStore(needs, here), signal)) === 'own') return undefined
    return `${notOurBucket}; its versions were not checked. Correct AWS_S3_BUCKET; if it is correct, see docs/runbook/verification-findings.md`
  } catch (error) {
    if (error instanceof StoreError || signal.aborted) return undefined
    throw error
  }
}

function findingOf(checked: Checked): Finding | undefined {
  const { firmId, documentId, version, store, storeId, key, fileSize: bytes } = checked.version
  const about = { store, storeId, key, bytes, document: { firmId, documentId, version } }
  switch (checked.outcome) {
    case 'right':
    case 'hashed':
    case 'not_here':
    case 'gone':
      return undefined
    case 'restored':
      return { ...about, kind: 'restored', why: 'its content is right again, and it can be downloaded' }
    case 'missing':
    case 'wrong':
    case 'unchecked':
      return { ...about, kind: checked.outcome, why: checked.why }
  }
}

const dayMs = 24 * 60 * 60 * 1000
const pageSize = 500

/** Reports files that should have moved to S3 long ago, on any disk. */
async function reportLateFallback(
  { db, now }: { db: Db; now: Clock },
  { signal, onFinding }: { signal: AbortSignal; onFinding: (finding: Finding) => void },
): Promise<void> {
  const before = new Date(now().getTime() - dayMs)
  let after: WaitingVersion | undefined
  do {
    const page = await listLateFallback(db, before, { after, limit: pageSize })
    for (const { firmId, documentId, version, storeId, key, bytes, uploadedAt: since } of page)
      onFinding({
        kind: 'late_fallback',
        store: 'local',
        storeId,
        key,
        bytes,
        since,
        document: { firmId, documentId, version },
        why: 'it has waited for S3 for more than a day',
      })
    after = page.length < pageSize ? undefined : page.at(-1)
  } while (after !== undefined && !signal.aborted)
}
