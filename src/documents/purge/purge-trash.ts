import type { EventActor } from '../../database/events.ts'
import { isLackOfRight } from '../../database/postgres-errors.ts'
import {
  listPurgeable,
  type PurgeCandidate,
  type PurgeCursor,
  type PurgeScope,
  type PurgeTimes,
} from '../../database/purgeable.ts'
import type { Db } from '../../database/client.ts'
import { purgeDocument, type PurgeNeeds, type PurgeOutcome, type PurgeWish } from './purge-document.ts'

export type PurgeSettled = { document: PurgeCandidate } & (
  | { outcome: PurgeOutcome }
  /** The database or a store could not be asked. */
  | { outcome: 'failed'; error: unknown }
)

export type PurgeRun = PurgeWish & {
  scope: PurgeScope
  signal: AbortSignal
  /** Told once of every document that was looked at. */
  onSettled: (settled: PurgeSettled) => void
}

/**
 * Destroys every document of the trash that nothing keeps any longer, longest there first. It may be killed at any moment
 * and run again, also by several at once; one that fails does not keep the others. False when it was told to end before.
 * Throws where the database's user lacks a right.
 */
export async function purgeTrash(needs: PurgeNeeds, actor: EventActor, run: PurgeRun): Promise<boolean> {
  for await (const document of walkTrash(needs.db, run.times, run.scope)) {
    if (run.signal.aborted) return false
    run.onSettled(await settle(needs, actor, document, run))
  }
  return true
}

async function settle(
  needs: PurgeNeeds,
  actor: EventActor,
  document: PurgeCandidate,
  wish: PurgeWish,
): Promise<PurgeSettled> {
  if (document.state !== 'due') return { document, outcome: document.state }
  try {
    return { document, outcome: await purgeDocument(needs, actor, document, wish) }
  } catch (error) {
    if (isLackOfRight(error)) throw error
    return { document, outcome: 'failed', error }
  }
}

const pageSize = 200

/** Every document that a purge has to look at; of any number of them one page is held. */
export async function* walkTrash(
  db: Db,
  times: PurgeTimes,
  scope: PurgeScope,
): AsyncGenerator<PurgeCandidate, undefined> {
  let after: PurgeCursor | undefined
  do {
    const page: PurgeCandidate[] = await listPurgeable(db, times, scope, { after, limit: pageSize })
    yield* page
    after = page.length < pageSize ? undefined : page.at(-1)
  } while (after !== undefined)
  return undefined
}
