import type { Db } from '../../database/client.ts'
import { leaseSeconds, type OpenMove, renewLease } from '../../database/moves.ts'

export type Lease = {
  /** Aborts when another mover has taken over. */
  lost: AbortSignal
  end(): void
}

/** Keeps a move's claim for as long as its mover lives. */
export function keepLease(db: Db, move: OpenMove): Lease {
  const losing = new AbortController()
  const timer = setInterval(() => void renew(), (leaseSeconds / 3) * 1000)
  timer.unref()

  async function renew(): Promise<void> {
    try {
      if (!(await renewLease(db, move))) losing.abort(new Error('Another mover has taken this move over.'))
    } catch {
      // The database is away: the next beat may reach it, and the flip asks whose move it is in any case.
    }
  }
  return { lost: losing.signal, end: () => clearInterval(timer) }
}
