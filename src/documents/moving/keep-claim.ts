import { claimSeconds } from '../../database/blobs/blob.ts'
import { type ClaimedMove, renewClaim } from '../../database/blobs/move-blob.ts'
import type { Db } from '../../database/client.ts'

export type KeptClaim = {
  /** Another one under the same claim once it has another target. */
  move: ClaimedMove
  /** Aborts when another mover has taken over. */
  lost: AbortSignal
  end(): void
}

export function keepClaim(db: Db, move: ClaimedMove): KeptClaim {
  const losing = new AbortController()
  const kept = { move, lost: losing.signal, end: () => clearInterval(timer) }
  const timer = setInterval(() => void renew(), (claimSeconds / 3) * 1000)
  timer.unref()

  async function renew(): Promise<void> {
    const { move: current } = kept
    try {
      const isOurs = await renewClaim(db, current)
      if (!isOurs && kept.move === current) losing.abort(new Error('Another mover has taken this move over.'))
    } catch {
      // The database is away: the next renewal may reach it, and the commit asks whose move it is in any case.
    }
  }
  return kept
}
