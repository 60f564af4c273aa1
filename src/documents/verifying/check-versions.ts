import type { EventActor } from '../../database/events.ts'
import type { StoredVersion, VersionScope } from '../../database/versions-in-store.ts'
import { isS3Out } from '../../storage/s3-operation.ts'
import { makeWaitForS3, type Patience } from '../wait-for-s3.ts'
import { inTurns, walkVersions } from '../walk-versions.ts'
import { type Checked, checkVersion, type CheckNeeds, type HowToCheck } from './check-version.ts'

export type VersionCheck = HowToCheck &
  Patience & {
    scope: VersionScope
    /** How many at once. */
    concurrency: number
    onChecked: (checked: Checked) => void
  }

/** Checks every version of a scope, holding a page of rows and a piece of each file. False when it ended before the end: S3 stayed away, or the signal said so. */
export async function checkVersions(needs: CheckNeeds, actor: EventActor, check: VersionCheck): Promise<boolean> {
  const { scope, concurrency, signal, onChecked } = check
  const isOfS3 = scope.store === 's3'
  let isGivenUp = isOfS3 && needs.stores.s3?.outage() !== undefined
  if (isGivenUp) return false
  const s3IsBack = makeWaitForS3(needs.stores, check)

  await inTurns(walkVersions(needs.db, scope), concurrency, async (version) => {
    if (isGivenUp || signal.aborted) return 'enough'
    let checked = await checkUnlessTold(needs, actor, version, check)
    if (isOfS3 && checked?.outcome === 'unchecked' && isS3Out(checked.error)) {
      isGivenUp = !(await s3IsBack()) || isGivenUp
      if (isGivenUp) return 'enough'
      checked = await checkUnlessTold(needs, actor, version, check)
    }
    if (checked !== undefined) onChecked(checked)
    return 'next'
  })
  return !isGivenUp && !signal.aborted
}

/** Undefined when it was told to end meanwhile. */
async function checkUnlessTold(
  needs: CheckNeeds,
  actor: EventActor,
  version: StoredVersion,
  how: HowToCheck,
): Promise<Checked | undefined> {
  try {
    return await checkVersion(needs, actor, version, how)
  } catch (error) {
    if (how.signal.aborted) return undefined
    throw error
  }
}
