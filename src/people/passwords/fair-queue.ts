import { AppError } from '../../errors/app-error.ts'
import { networkOfSubscriber } from '../../vocabulary/networks.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'

/** Who asks for the work. `knownAs`: the account of the work, if it logged in from this network lately. */
export type Requester = { ip: string; knownAs?: UserId | undefined }

export type QueueLimits = {
  /** Work that runs at once. No block of networks may use all of it. */
  atOnce: number
  /** Work that may wait: of all, of one network, of one block, and of one account on a network that it is known on. */
  waiting: number
  waitingOfNetwork: number
  waitingOfBlock: number
  waitingOfKnown: number
  /** Runs for each piece of work that is denied. */
  onDenied: () => void
}

export type FairQueue = {
  /** Runs work in its turn. Throws `rate_limited` if too much of its network waits, or of all. */
  run<Result>(requester: Requester, work: () => Promise<Result>): Promise<Result>
}

type Entry = {
  block: string
  network: string
  /** Undefined: it waits with its network. */
  knownAs: UserId | undefined
  start: () => void
  deny: (error: AppError) => void
}

/** A queue that no network can fill for others: blocks take turns, then the networks of a block. */
export function createFairQueue(limits: QueueLimits): FairQueue {
  const waiting: Entry[] = []
  const running: Entry[] = []
  const turns = createTurns()
  const maxRunningOfBlock = Math.max(1, limits.atOnce - 1)

  const mayRun = ({ block }: Entry) => countOf(running, { block }) < maxRunningOfBlock

  function startNext(): void {
    while (running.length < limits.atOnce) {
      const next = turns.choose(waiting.filter(mayRun))
      if (next === undefined) return
      remove(waiting, next)
      running.push(next)
      next.start()
    }
  }

  function admit(entry: Entry): void {
    const denied = findDenied(waiting, entry, limits)
    if (denied !== entry) waiting.push(entry)
    if (denied !== undefined) {
      remove(waiting, denied)
      limits.onDenied()
      denied.deny(tooManyWait())
    }
    startNext()
  }

  function finish(entry: Entry): void {
    remove(running, entry)
    startNext()
    turns.forgetAllBut([...waiting, ...running])
  }

  return {
    async run(requester, work) {
      const { promise: turn, resolve: start, reject: deny } = Promise.withResolvers<void>()
      const entry = {
        ...networkOfSubscriber(requester.ip),
        knownAs: findKnown(waiting, requester, limits),
        start,
        deny,
      }
      admit(entry)
      await turn
      try {
        return await work()
      } finally {
        finish(entry)
      }
    },
  }
}

/** One turn of four is for ordinary work, so that known people cannot lock the others out. */
const turnsOfKnown = 3

/** Chooses the block that had no turn for the longest time, then its network, then the oldest entry. */
function createTurns() {
  const lastTurns = new Map<string, number>()
  let turn = 0
  let turnsOfKnownInRow = 0
  const lastOf = (part: string) => lastTurns.get(part) ?? 0

  return {
    choose(entries: Entry[]): Entry | undefined {
      const known = entries.filter((each) => each.knownAs !== undefined)
      const ordinary = entries.filter((each) => each.knownAs === undefined)
      const isForKnown = known.length > 0 && (ordinary.length === 0 || turnsOfKnownInRow < turnsOfKnown)
      // The sort is stable, so the oldest comes first.
      const [next] = (isForKnown ? known : ordinary).toSorted(
        (a, b) => lastOf(a.block) - lastOf(b.block) || lastOf(a.network) - lastOf(b.network),
      )
      if (next === undefined) return undefined
      turnsOfKnownInRow = isForKnown ? turnsOfKnownInRow + 1 : 0
      turn += 1
      lastTurns.set(next.block, turn).set(next.network, turn)
      return next
    },
    forgetAllBut(entries: Entry[]): void {
      const needed = new Set(entries.flatMap(({ block, network }) => [block, network]))
      for (const part of lastTurns.keys()) if (!needed.has(part)) lastTurns.delete(part)
    },
  }
}

/** Guesses for an account from a network where it is known wait with that network, after the first few. */
function findKnown(waiting: Entry[], { ip, knownAs: account }: Requester, limits: QueueLimits): UserId | undefined {
  if (account === undefined) return undefined
  const known = waiting.filter((each) => each.knownAs !== undefined)
  const isFirst = known.filter((each) => each.knownAs === account).length < limits.waitingOfKnown
  return isFirst && countOf(known, networkOfSubscriber(ip)) < limits.waitingOfNetwork ? account : undefined
}

/**
 * The entry that is denied when this one arrives: itself if too much of its network waits. If too much waits in all, the
 * newest ordinary entry of the block with the most.
 */
function findDenied(waiting: Entry[], entry: Entry, limits: QueueLimits): Entry | undefined {
  const { network, block, knownAs } = entry
  const ordinary = waiting.filter((each) => each.knownAs === undefined)
  if (knownAs === undefined) {
    if (countOf(ordinary, { network }) >= limits.waitingOfNetwork) return entry
    if (countOf(ordinary, { block }) >= limits.waitingOfBlock) return entry
  }
  if (waiting.length < limits.waiting) return undefined

  const counts = new Map<string, number>()
  for (const each of ordinary) counts.set(each.block, (counts.get(each.block) ?? 0) + 1)
  const [largest, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0])
  const own = knownAs === undefined ? (counts.get(block) ?? 0) + 1 : 0
  return own < count ? ordinary.findLast((each) => each.block === largest) : entry
}

function countOf(entries: Entry[], where: Partial<Pick<Entry, 'block' | 'network'>>): number {
  return entries.filter(
    ({ block, network }) =>
      (where.block === undefined || where.block === block) &&
      (where.network === undefined || where.network === network),
  ).length
}

function remove(entries: Entry[], entry: Entry): void {
  const index = entries.indexOf(entry)
  if (index >= 0) entries.splice(index, 1)
}

function tooManyWait(): AppError {
  return new AppError('rate_limited', 'Too many logins from your network at once. Try again in a few seconds.', {
    retryAfterSeconds: 5,
  })
}
