import { type RawBuilder, sql } from 'kysely'
import pLimit from 'p-limit'

import { outsideOfWork, traced } from '../../logging/spans.ts'
import { hasChangedNothing } from './in-transaction.ts'
import { isOverload, WaitedTooLong } from './postgres-errors.ts'

/** Answers one request. Requests that arrive during a call share the next call. */
export type Batched<Asked, Answer> = (asked: Asked) => Promise<Answer>

/** Instead of an answer: the request must be repeated alone, without the others of its batch. */
export const alone = Symbol('alone')

/**
 * Returns the rows of a statement that yields one row per request, in the order of the requests. Throws if a row is missing
 * or repeated, so that no caller gets the row of another.
 */
export function inOrder<Row extends { position: number }>(rows: Row[], asked: readonly unknown[]): Row[] {
  const isComplete = rows.length === asked.length && rows.every(({ position }, index) => position === index)
  if (!isComplete) throw new Error('the database did not return one row per request of a batch')
  return rows
}

/**
 * SQL: limits the lock wait of a batch to 800 ms; select it before the first lock. After a timeout each request is repeated
 * alone, so a lock delays the other requests no longer than that. The server checks for deadlocks after a second, so the
 * platform's transaction is never the victim.
 */
export const lockWaitOf = (asked: readonly unknown[]): RawBuilder<unknown> => sql`(
  select set_config('lock_timeout',
    case when ${asked.length > 1}::boolean then '800ms' else current_setting('lock_timeout') end, true))`

/** `isAlone`: a single request, repeated after a batch. */
type AnswerAll<Asked, Answer> = (asked: Asked[], isAlone: boolean) => Promise<(Answer | typeof alone)[]>

type Limits<Asked> = {
  maxSize?: number
  maxUnderWay?: number
  /** How long a call may take before another one starts next to it. */
  secondAfterMs?: number
  /** The same as the wait for a connection of a request that is not batched. */
  maxWaitMs?: number
  /** Aborts when the caller no longer needs the answer. */
  signalOf?: (asked: Asked) => AbortSignal
}

/**
 * One call at a time costs the server least. A call that takes longer than this may be waiting for a lock or a slow
 * disk.
 */
const defaultSecondAfterMs = 25

/** Leaves connections for other requests. */
const maxRepeatsUnderWay = 4

type Waiting<Asked, Answer> = {
  asked: Asked
  since: number
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/**
 * Makes one call for many requests. `answerAll` returns the answers in the order of the requests, in one transaction, and
 * reads no row before it is called, so that each request sees the rows from after its arrival. If the database rejects a
 * call, each of its requests is repeated alone, so that one bad row or lock fails only its own request. After an unknown
 * outcome each request gets the error, because a repeat could make the change twice. `name`: the name of the trace span.
 * Throws `WaitedTooLong`, or the reason of the request's signal, before anything is done for the request.
 */
export function createBatch<Asked, Answer>(
  name: string,
  answerAll: AnswerAll<Asked, Answer>,
  {
    maxSize = 64,
    maxUnderWay = 2,
    maxWaitMs = 10_000,
    secondAfterMs = defaultSecondAfterMs,
    signalOf,
  }: Limits<Asked> = {},
): Batched<Asked, Answer> {
  type Request = Waiting<Asked, Answer>
  let waiting: Request[] = []
  let isScheduled = false
  const turns = createTurns({ maxUnderWay, secondAfterMs }, start)
  const repeating = pLimit(maxRepeatsUnderWay)

  function start(): void {
    isScheduled = false
    while (turns.isFree() && waiting.length > 0) {
      const batch = waiting.slice(0, maxSize).filter(isStillWanted)
      waiting = waiting.slice(maxSize)
      if (batch.length > 0) void answer(batch).finally(turns.take())
    }
  }

  function isStillWanted({ asked, since, reject }: Request): boolean {
    const signal = signalOf?.(asked)
    if (signal?.aborted === true) reject(signal.reason)
    else if (performance.now() - since > maxWaitMs) reject(new WaitedTooLong(`${name} waited for calls before it`))
    else return true
    return false
  }

  async function answer(batch: Request[], isAlone = false): Promise<void> {
    const answers = await answerOrRepeat(answerAll, batch, isAlone)
    for (const [index, request] of batch.entries()) {
      const each = answers[index]
      // Not awaited: a request that waits for a lock must not delay the next batch.
      if (each === alone && !isAlone) void repeating(() => answer([request], true))
      else if (each !== undefined && each !== alone) request.resolve(each)
      else request.reject(new Error('a request of a batch has no answer'))
    }
  }

  const ask: Batched<Asked, Answer> = (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, since: performance.now(), resolve, reject })
      if (isScheduled) return
      isScheduled = true
      // After other requests that have already arrived. A batch belongs to no single request, so its logs carry no request id.
      outsideOfWork(() => setImmediate(start))
    })
  return (asked) => traced(`sql ${name}`, () => ask(asked), { 'db.system.name': 'postgresql' }, 'client')
}

/** Limits concurrent calls: one, or up to `maxUnderWay` while a call is slow. `onFree`: the next call may start. */
function createTurns(
  { maxUnderWay, secondAfterMs }: { maxUnderWay: number; secondAfterMs: number },
  onFree: () => void,
) {
  let underWay = 0
  let isSlow = false
  return {
    isFree: () => underWay === 0 || (isSlow && underWay < maxUnderWay),
    /** Returns a function that ends the turn. */
    take(): () => void {
      underWay += 1
      isSlow = false
      const timer = setTimeout(() => {
        isSlow = true
        onFree()
      }, secondAfterMs)
      return () => {
        clearTimeout(timer)
        underWay -= 1
        onFree()
      }
    },
  }
}

/**
 * Returns an answer for each request. After an error: `alone` for each, or an empty list if the requests got the
 * error.
 */
async function answerOrRepeat<Asked, Answer>(
  answerAll: AnswerAll<Asked, Answer>,
  batch: Waiting<Asked, Answer>[],
  isAlone: boolean,
): Promise<(Answer | typeof alone)[]> {
  const all = batch.map(({ asked }) => asked)
  try {
    const answers = await answerAll(all, isAlone)
    return answers.length === all.length ? answers : []
  } catch (error) {
    if (all.length > 1 && hasChangedNothing(error) && !isOverload(error)) return all.map(() => alone)
    for (const { reject } of batch) reject(error)
    return []
  }
}
