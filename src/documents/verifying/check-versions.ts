import type { EventActor } from '../../database/events.ts'
import type { StoredVersion, VersionScope } from '../../database/versions-in-store.ts'
import { isS3Out } from '../../storage/s3-operation.ts'
import { makeWaitForS3, type Patience } from '../wait-for-s3.ts'
import { inTurns, walkVersions } from '../walk-versions.ts'
import { type Checked, checkVersion, type CheckNeeds, type HowToCheck } from './check-version.ts'

export type VersionCheck = HowToCheck &
  Patience & {
    scope: VersionScope
    /** Of the scope's first so many. */
    most?: number
    /** How many at once. */
    concurrency: number
    /** Told of each, in the order of the scope, before it is checked. */
    onTaken?: (version: StoredVersion) => void
    onChecked: (checked: Checked) => void
  }

/** Checks the versions of a scope, holding a page of rows and a piece of each file. False when it ended before: S3 stayed away, or the signal said so. */
export async function checkVersions(needs: CheckNeeds, actor: EventActor, check: VersionCheck): Promise<boolean> {
  const { scope, most, concurrency, signal, onTaken, onChecked } = check
  const isOfS3 = scope.store === 's3'
  let isGivenUp = isOfS3 && needs.stores.s3?.outage() !== undefined
  if (isGivenUp) return false
  const s3IsBack = makeWaitForS3(needs.stores, check)

  // Each failure tells the breaker; it may take several until it knows that S3 is away, and not this file.
  const checkPatiently = async (version: StoredVersion): Promise<'next' | 'enough'> => {
    for (let tries = 1; ; tries += 1) {
      const checked = await checkUnlessTold(needs, actor, version, check)
      if (!isOfS3 || !isUnanswered(checked) || tries === mostTries) {
        if (checked !== undefined) onChecked(checked)
        return 'next'
      }
      isGivenUp = !(await s3IsBack()) || isGivenUp
      if (isGivenUp) return 'enough'
    }
  }
  await inTurns(walkVersions(needs.db, scope, most), concurrency, async (version) => {
    if (isGivenUp || signal.aborted) return 'enough'
    onTaken?.(version)
    return checkPatiently(version)
  })
  return !isGivenUp && !signal.aborted
}

const mostTries = 4

function isUnanswered(checked: Checked | undefined): boolean {
  return checked?.outcome === 'unchecked' && isS3Out(checked.error)
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
