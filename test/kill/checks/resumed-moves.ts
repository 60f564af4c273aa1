import { setTimeout as sleep } from 'node:timers/promises'

import { findStoreId } from '../../../src/storage/local/local-files.ts'
import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { Query } from '../../support/blobs/query.ts'
import { isAlive } from '../../support/blobs/watch-blobs.ts'

/** The claim of a dead mover on the target of its move. */
export type DeadMove = { id: string; claimId: string }

// A service that waits for a lease needs 40 s and more; one that checks whether the process lives needs none.
const maxMsToResume = 5000

/** Moves of dead processes that a run on this disk has to resume. */
export async function listDeadMoves(
  query: Query,
  { to, uploadsDir }: { to: StoreName; uploadsDir: string },
): Promise<DeadMove[]> {
  const storeId = (await findStoreId(uploadsDir)) ?? null
  return query<DeadMove>(
    `select b.id, b.claim_id as "claimId" from document_blobs b join document_blobs s on s.id = b.source_id
     where b.state = 'incoming' and b.source_key is null and b.store = $1 and s.state = 'live'
       and (case b.store when 's3' then s.store_id else b.store_id end) = $2::uuid
       and b.claimed_by is not null and not ${isAlive('b.claimed_by')}`,
    [to, storeId],
  )
}

export type Running = {
  /** Resolves when it has counted the files, or has ended. */
  begun: Promise<unknown>
  ended: Promise<unknown>
}

/** Checks that a run resumes these moves at once, and does not wait until their claims expire. */
export async function findNotResumed(query: Query, dead: DeadMove[], { begun, ended }: Running): Promise<string[]> {
  if (dead.length === 0) return []
  const end = new AbortController()
  void ended.then(() => end.abort())
  await begun
  const giveUpAt = Date.now() + maxMsToResume
  for (;;) {
    const left = await query<{ place: string }>(
      `select b.storage_key as place from document_blobs b
       join unnest($1::uuid[], $2::text[]) as d (id, claim_id) on d.id = b.id and d.claim_id = b.claim_id::text
       where b.state = 'incoming'`,
      [dead.map(({ id }) => id), dead.map(({ claimId }) => claimId)],
    )
    if (left.length === 0 || end.signal.aborted) return []
    if (Date.now() > giveUpAt)
      return left.map(
        ({ place }) => `the move of a dead process was not resumed within ${maxMsToResume / 1000} s: ${place}`,
      )
    await sleep(50)
  }
}
