import type { Bucket, Lease, LeaseRequest } from '../../database/people/rate-limits.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'

export type PermitNeeds = {
  /** Takes permits that all instances share. */
  lease: (wishes: LeaseRequest[]) => Promise<Lease[]>
  now: Clock
  onLease?: (outcome: 'granted' | 'refused') => void
  onFailure?: (error: unknown) => void
  /** How long a request waits for a lease. */
  patienceMs?: number
}

/** `isNews`: nothing was said of this bucket for a while. */
export type Exhausted<Limit extends Bucket> = { bucket: Limit; retryAfterSeconds: number; isNews: boolean }

export type Permits<Limit extends Bucket> = {
  /** One permit of each, or none of any: then the bucket that has none. */
  spend(buckets: Limit[]): Promise<Exhausted<Limit> | undefined>
  /** The bucket that is known to have none. Nothing is spent, and nobody is asked. */
  look(buckets: Limit[]): Exhausted<Limit> | undefined
}

/** What this instance knows of one bucket. */
type Holding<Limit extends Bucket = Bucket> = {
  bucket: Limit
  /** Leased and not spent. */
  left: number
  leftUntil: number
  /** Spent before anybody was asked, to be paid with the next lease. */
  owed: number
  refusedUntil: number
  toldUntil: number
  lastSpentAt: number
  asking: Promise<void> | undefined
}

const usualPatienceMs = 1000
/** A person's next batch counts from when it was leased: one that lay for longer would come on top of a fresh hour. */
const mostMsOfLease = 10 * 60_000
/** After so long a bucket is full again, whatever was spent. */
const msUntilFull = 60 * 60_000
/** So long nobody is asked for permits, and all pass, after nobody could be. */
const msToPass = 5000
const msBetweenNews = 10 * 60_000
const mostHoldings = 50_000

/** A twentieth of an hour's permits at a time, so that a request in a batch is the only one that waits for the database. */
export const batchOf = ({ perHour }: Bucket): number => Math.min(100, Math.ceil(perHour / 20))

/** So many go before anybody is asked: who comes rarely costs no statement. By as many each instance may exceed the limit. */
export const creditOf = ({ perHour }: Bucket): number => Math.min(20, Math.floor(perHour / 20))

/** Spends permits from memory and leases more in batches. Without a database all pass: what needs it fails by itself. */
export function holdPermits<Limit extends Bucket>(needs: PermitNeeds): Permits<Limit> {
  const holdings = new Map<string, Holding<Limit>>()
  let passUntil = 0
  const time = () => needs.now().getTime()
  const known = (buckets: Limit[]) => buckets.flatMap(({ name }) => holdings.get(name) ?? [])

  function holdingOf(bucket: Limit): Holding<Limit> {
    const holding = holdings.get(bucket.name) ?? newHolding(bucket)
    // What stands first in a map is what was put there first: who came last goes to its end.
    holdings.delete(bucket.name)
    forgetOld(holdings, time())
    holdings.set(bucket.name, holding)
    holding.bucket = bucket
    holding.lastSpentAt = time()
    if (holding.leftUntil <= time()) holding.left = 0
    return holding
  }

  async function lease(wanting: Holding[]): Promise<void> {
    const wishes = wanting.map(({ bucket, owed }) => ({ bucket, permits: owed + batchOf(bucket) }))
    try {
      const leases = await untilAborted(needs.lease(wishes), AbortSignal.timeout(needs.patienceMs ?? usualPatienceMs))
      for (const holding of wanting) {
        takeIn(holding, leases, time())
        needs.onLease?.(holding.left > 0 ? 'granted' : 'refused')
      }
    } catch (error) {
      passUntil = time() + msToPass
      needs.onFailure?.(error)
    }
  }

  async function askFor(wanting: Holding[]): Promise<void> {
    const idle = wanting.filter(({ asking }) => asking === undefined)
    if (idle.length > 0) {
      const asking = lease(idle).finally(() => {
        for (const holding of idle) holding.asking = undefined
      })
      for (const holding of idle) holding.asking = asking
    }
    await Promise.all(wanting.flatMap(({ asking }) => asking ?? []))
  }

  return {
    look: (buckets) => refuse(known(buckets), time()),
    async spend(buckets) {
      for (;;) {
        const holding = buckets.map(holdingOf)
        const refusal = refuse(holding, time())
        if (refusal !== undefined) return refusal
        const wanting = holding.filter((each) => !canSpend(each))
        if (wanting.length === 0 || passUntil > time()) {
          holding.forEach(spendOne)
          return undefined
        }
        await askFor(wanting)
      }
    },
  }
}

const newHolding = <Limit extends Bucket>(bucket: Limit): Holding<Limit> => ({
  bucket,
  left: 0,
  leftUntil: 0,
  owed: 0,
  refusedUntil: 0,
  toldUntil: 0,
  lastSpentAt: 0,
  asking: undefined,
})

const canSpend = ({ bucket, left, owed }: Holding): boolean => left > 0 || owed < creditOf(bucket)

function spendOne(holding: Holding): void {
  if (holding.left > 0) holding.left -= 1
  else if (holding.owed < creditOf(holding.bucket)) holding.owed += 1
}

/** What was spent ahead is paid first. */
function takeIn(holding: Holding, leases: Lease[], now: number): void {
  const { granted = 0, left = 0 } = leases.find(({ name }) => name === holding.bucket.name) ?? {}
  const paid = Math.min(holding.owed, granted)
  holding.owed -= paid
  holding.left = granted - paid
  holding.leftUntil = now + mostMsOfLease
  if (holding.left > 0) return
  const missing = holding.owed + 1 - left
  holding.refusedUntil = now + Math.max(1, (missing * msUntilFull) / holding.bucket.perHour)
}

/** For the first of them that has nothing left. */
function refuse<Limit extends Bucket>(all: Holding<Limit>[], now: number): Exhausted<Limit> | undefined {
  const holding = all.find(({ refusedUntil }) => refusedUntil > now)
  if (holding === undefined) return undefined
  const isNews = holding.toldUntil <= now
  if (isNews) holding.toldUntil = now + msBetweenNews
  return { bucket: holding.bucket, retryAfterSeconds: Math.ceil((holding.refusedUntil - now) / 1000), isNews }
}

/** A bucket that is full again says nothing that no holding would not, whatever was owed to it. */
function forgetOld(holdings: Map<string, Holding>, now: number): void {
  for (const [name, { lastSpentAt, asking }] of holdings) {
    const isOld = lastSpentAt + msUntilFull < now
    if (asking !== undefined || (!isOld && holdings.size < mostHoldings)) return
    holdings.delete(name)
  }
}
