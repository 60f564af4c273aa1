import type { Bucket, Lease, LeaseRequest } from '../../database/people/rate-limits.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'

export type RateLimiterNeeds = {
  /** Leases calls from buckets that all instances share. */
  lease: (requests: LeaseRequest[]) => Promise<Lease[]>
  now: Clock
  onLease?: (outcome: 'granted' | 'refused') => void
  onFailure?: (error: unknown) => void
  /** How long a request waits for a lease. */
  patienceMs?: number
}

/** `shouldLog`: this bucket was not logged recently. */
export type Exhausted<Limit extends Bucket> = { bucket: Limit; retryAfterSeconds: number; shouldLog: boolean }

export type RateLimiter<Limit extends Bucket> = {
  /** Spends one call of each bucket. If one is exhausted, it returns that bucket and spends nothing. */
  spend(buckets: Limit[]): Promise<Exhausted<Limit> | undefined>
  /** Returns a bucket that is known to be exhausted. Spends nothing and runs no query. */
  peek(buckets: Limit[]): Exhausted<Limit> | undefined
  /** Returns the calls of a request that failed without a database. Leased calls stay spent. */
  giveBack(buckets: Limit[]): void
}

/** The local state of one bucket. */
type BucketState<Limit extends Bucket = Bucket> = {
  bucket: Limit
  /** Leased calls that are not spent. */
  left: number
  leftUntil: number
  /** Calls spent ahead of a lease; the next lease pays for them. */
  owed: number
  /** The calls spent here, as time that runs ahead of the clock by at most an hour, like the shared bucket. */
  spentUntil: number
  deniedUntil: number
  quietUntil: number
  lastSpentAt: number
  leasing: Promise<void> | undefined
}

const defaultPatienceMs = 1000
/** An older lease would come on top of a full bucket. */
const maxLeaseMs = 10 * 60_000
/** Time until an empty bucket is full again. */
const msUntilFull = 60 * 60_000
/** After a failed lease, this instance counts by itself for this time, without a query. */
const aloneMs = 5000
const quietMs = 10 * 60_000
const maxStates = 50_000

/** A lease is a twentieth of an hour's calls: only one request of a batch waits for the database. */
export const batchOf = ({ perHour }: Bucket): number => Math.min(100, Math.ceil(perHour / 20))

/**
 * Calls that pass before the first lease, so that a rare caller costs no statement. Each instance may exceed the limit
 * by this.
 */
export const creditOf = ({ perHour }: Bucket): number => Math.min(20, Math.floor(perHour / 20))

/**
 * Counts calls in memory and leases more in batches. While leases fail, each instance counts by itself and lets at most
 * the limit pass; the first lease pays for those calls. So a slow database neither denies callers nor lifts a limit.
 */
export function createRateLimiter<Limit extends Bucket>(needs: RateLimiterNeeds): RateLimiter<Limit> {
  const states = new Map<string, BucketState<Limit>>()
  let aloneUntil = 0
  const time = () => needs.now().getTime()
  const known = (buckets: Limit[]) => buckets.flatMap(({ name }) => states.get(name) ?? [])

  async function lease(empty: BucketState[]): Promise<void> {
    const requests = empty.map(({ bucket, owed }) => ({ bucket, calls: owed + batchOf(bucket) }))
    try {
      const leases = await untilAborted(
        needs.lease(requests),
        AbortSignal.timeout(needs.patienceMs ?? defaultPatienceMs),
      )
      for (const state of empty) {
        applyLease(state, leases, time())
        needs.onLease?.(state.left > 0 ? 'granted' : 'refused')
      }
    } catch (error) {
      aloneUntil = time() + aloneMs
      needs.onFailure?.(error)
    }
  }

  async function awaitLease(empty: BucketState[]): Promise<void> {
    const idle = empty.filter(({ leasing }) => leasing === undefined)
    if (idle.length > 0) {
      const leasing = lease(idle).finally(() => {
        for (const state of idle) state.leasing = undefined
      })
      for (const state of idle) state.leasing = leasing
    }
    await Promise.all(empty.flatMap(({ leasing }) => leasing ?? []))
  }

  return {
    peek: (buckets) => findExhausted(known(buckets), time()),
    giveBack: (buckets) => known(buckets).forEach(giveBackOne),
    async spend(buckets) {
      for (;;) {
        const all = buckets.map((bucket) => useState(states, bucket, time()))
        const exhausted = findExhausted(all, time())
        if (exhausted !== undefined) return exhausted
        const empty = all.filter((each) => !canSpend(each))
        const isAlone = aloneUntil > time()
        const full = isAlone ? empty.find((each) => msUntilRoom(each, time()) > 0) : undefined
        if (full !== undefined) return exhaust(full, time() + msUntilRoom(full, time()), time())
        if (empty.length === 0 || isAlone) {
          for (const each of all) spendOne(each, time())
          return undefined
        }
        await awaitLease(empty)
      }
    },
  }
}

/** The state of a bucket that is used now. */
function useState<Limit extends Bucket>(
  states: Map<string, BucketState<Limit>>,
  bucket: Limit,
  now: number,
): BucketState<Limit> {
  const state = states.get(bucket.name) ?? createState(bucket)
  // A map keeps the order of insertion: the bucket used last goes to its end.
  states.delete(bucket.name)
  forgetOld(states, now)
  states.set(bucket.name, state)
  state.bucket = bucket
  state.lastSpentAt = now
  if (state.leftUntil <= now) state.left = 0
  return state
}

const createState = <Limit extends Bucket>(bucket: Limit): BucketState<Limit> => ({
  bucket,
  left: 0,
  leftUntil: 0,
  owed: 0,
  spentUntil: 0,
  deniedUntil: 0,
  quietUntil: 0,
  lastSpentAt: 0,
  leasing: undefined,
})

const canSpend = ({ bucket, left, owed }: BucketState): boolean => left > 0 || owed < creditOf(bucket)

const msEach = ({ perHour }: Bucket): number => msUntilFull / perHour

/** Time until this instance has let so few calls pass that another one is within the limit. */
const msUntilRoom = ({ bucket, spentUntil }: BucketState, now: number): number =>
  Math.max(0, Math.max(spentUntil, now) + msEach(bucket) - now - msUntilFull)

function spendOne(state: BucketState, now: number): void {
  state.spentUntil = Math.max(state.spentUntil, now) + msEach(state.bucket)
  if (state.left > 0) state.left -= 1
  else state.owed += 1
}

/** Only calls without a lease exceed the credit. */
function giveBackOne(state: BucketState): void {
  if (state.owed <= creditOf(state.bucket)) return
  state.owed -= 1
  state.spentUntil -= msEach(state.bucket)
}

/** Calls spent ahead are paid first. */
function applyLease(state: BucketState, leases: Lease[], now: number): void {
  const { granted = 0, left = 0 } = leases.find(({ name }) => name === state.bucket.name) ?? {}
  const paid = Math.min(state.owed, granted)
  state.owed -= paid
  state.left = granted - paid
  state.leftUntil = now + maxLeaseMs
  if (state.left > 0) return
  const missing = state.owed + 1 - left
  state.deniedUntil = now + Math.max(1, missing * msEach(state.bucket))
}

/** Returns the first exhausted bucket. */
function findExhausted<Limit extends Bucket>(all: BucketState<Limit>[], now: number): Exhausted<Limit> | undefined {
  const state = all.find(({ deniedUntil }) => deniedUntil > now)
  return state && exhaust(state, state.deniedUntil, now)
}

function exhaust<Limit extends Bucket>(state: BucketState<Limit>, until: number, now: number): Exhausted<Limit> {
  const shouldLog = state.quietUntil <= now
  if (shouldLog) state.quietUntil = now + quietMs
  return { bucket: state.bucket, retryAfterSeconds: Math.ceil((until - now) / 1000), shouldLog }
}

/** Drops buckets that are full again, as if they had never been used. */
function forgetOld(states: Map<string, BucketState>, now: number): void {
  for (const [name, { lastSpentAt, leasing }] of states) {
    const isOld = lastSpentAt + msUntilFull < now
    if (leasing !== undefined || (!isOld && states.size < maxStates)) return
    states.delete(name)
  }
}
