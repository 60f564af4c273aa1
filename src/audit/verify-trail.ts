import type { Db } from '../database/client.ts'
import type { Seal } from '../database/seals.ts'
import { countTrail } from '../database/trail.ts'
import { type Chained, checkChain, checkEnd, type Heads } from './check-chain.ts'
import { compareEvents, countErased } from './compare-events.ts'
import { countEntries } from './entries.ts'
import { eventsOfSeal } from './events-of-seal.ts'
import { everySeal } from './every-seal.ts'
import { linkOf } from './hash-seal.ts'
import { stretchAfter } from './seal-trail.ts'
import type { TrailFinding } from './trail-finding.ts'

type Needs = { db: Db; signal: AbortSignal }

export type TrailVerification = {
  /** Those that were kept outside. */
  heads: Heads
  onFinding: (finding: TrailFinding) => void
  onSeal: (done: TrailVerified) => void
}

export type TrailVerified = {
  seals: number
  /** Events that the seals have. */
  events: number
  /** Events of these whose personal fields are erased. */
  erased: number
  /** Events that came since the last seal, which nothing proves yet. */
  unsealed: number
  /** When the last seal was made. */
  sealedAt: string | undefined
  /** False when it was told to end before the end. */
  isComplete: boolean
}

/** Compares the whole trail with its seals, and those with the heads that were kept outside; tells each difference. */
export async function verifyTrail({ db, signal }: Needs, verification: TrailVerification): Promise<TrailVerified> {
  const { heads, onFinding, onSeal } = verification
  const done: TrailVerified = {
    seals: 0,
    events: 0,
    erased: 0,
    unsealed: 0,
    sealedAt: undefined,
    isComplete: false,
  }
  let last: Seal | undefined
  for await (const seal of everySeal(db)) {
    if (signal.aborted) return done
    tell(checkChain(chained(last), { link: linkOf(seal), hash: seal.hash }, heads))
    const events = (await eventsOfSeal(db, seal)).map(({ entry }) => entry)
    tell(compareEvents(seal, events))
    Object.assign(done, {
      seals: done.seals + 1,
      events: done.events + countEntries(seal.entries),
      erased: done.erased + countErased(events),
      sealedAt: seal.sealedAt,
    })
    onSeal(done)
    last = seal
  }
  tell(checkEnd(chained(last), heads))
  return { ...done, unsealed: await lookAtRest(db, last, onFinding), isComplete: true }

  function tell(findings: TrailFinding[]): void {
    for (const finding of findings) onFinding(finding)
  }
}

function chained(seal: Seal | undefined): Chained | undefined {
  return seal && { link: linkOf(seal), hash: seal.hash }
}

/** How many events no seal has yet. */
async function lookAtRest(db: Db, last: Seal | undefined, onFinding: (finding: TrailFinding) => void) {
  if (last === undefined) return 0
  const { events, unborn } = await countTrail(db, stretchAfter(last))
  const detail = `${unborn} events carry numbers of transactions that this database has not begun`
  if (unborn > 0) onFinding({ kind: 'event_added', detail })
  return events
}
