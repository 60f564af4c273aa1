import type { EventActor } from '../../database/events.ts'
import { isAnyVersionIn } from '../../database/versions-in-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/read-as-it-grows.ts'
import { claimStore } from '../claim-store.ts'
import { notOurBucket } from '../report-wrong-bytes.ts'
import type { StoreHere } from '../stores-here.ts'
import type { Checked } from './check-version.ts'
import { checkVersions } from './check-versions.ts'
import { type Finding, findingAt } from './finding.ts'
import type { Run, VerifyNeeds } from './verification.ts'

/** Rows to bytes: looks whether the bytes of each version in one store are there and right. */
export async function checkStore(
  needs: VerifyNeeds,
  actor: EventActor,
  here: StoreHere,
  { verification, verified, onFinding }: Run,
): Promise<void> {
  const { plan, reads, signal, onChecked } = verification
  const doubt = await findDoubt(needs, here, signal)
  if (signal.aborted) return
  if (doubt !== undefined) return onFinding({ ...findingAt(here, null), kind: 'unchecked', why: doubt })
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
  onFinding({
    ...findingAt(here, null),
    kind: 'unchecked',
    why: `S3 cannot be used (${needs.stores.s3?.outage()?.s3Code ?? 'no answer'}): not all that lies there was read`,
  })
}

/** Why no word of this store counts; undefined when it is ours, when nothing should lie there, when it does not answer, and when it was told to end. */
async function findDoubt(needs: VerifyNeeds, here: StoreHere, signal: AbortSignal): Promise<string | undefined> {
  if (here.store === 'local' || !(await isAnyVersionIn(needs.db, 's3'))) return undefined
  try {
    return (await untilAborted(claimStore(needs, here), signal)) === 'ours'
      ? undefined
      : `${notOurBucket}; what should lie there was not read. Correct AWS_S3_BUCKET; docs/runbook/findings.md says what to do where it is right`
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
      return { ...about, kind: 'restored', why: 'its bytes are right again, and it can be downloaded' }
    case 'missing':
    case 'wrong':
    case 'unchecked':
      return { ...about, kind: checked.outcome, why: checked.why }
  }
}
