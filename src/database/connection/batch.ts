import { type RawBuilder, sql } from 'kysely'
import pLimit from 'p-limit'

import { outsideOfWork, traced } from '../../logging/spans.ts'
import { hasChangedNothing } from './in-transaction.ts'
import { isOverload, WaitedTooLong } from './postgres-errors.ts'

/** Answers one request; requests that arrive while a call is under way share the next one. */
export type Batched<Asked, Answer> = (asked: Asked) => Promise<Answer>

/** The answer to a request that must be asked alone, without the others of its batch. */
export const alone = Symbol('alone')

/**
 * The rows of a statement that has one for each request, in their order. Throws where one is missing or there twice: each
 * row is the answer to somebody, and must never reach somebody else.
 */
export function inOrder<Row extends { position: number }>(rows: Row[], asked: readonly unknown[]): Row[] {
  const isComplete = rows.length === asked.length && rows.every(({ position }, index) => position === index)
  if (!isComplete) throw new Error('the database did not answer each request of a batch once')
  return rows
}

/**
 * SQL: one row, which ends a batch's wait for a lock after 800 ms. Its requests are repeated alone then, so a lock delays
 * no neighbour for longer, and the platform, whose deadlocks the server looks for after a second, is never the victim.
 * Select it before the first lock.
 */
export const lockWaitOf = (asked: readonly unknown[]): RawBuilder<unknown> => sql`(
  select set_config('lock_timeout',
    case when ${asked.length > 1}::boolean then '800ms' else current_setting('lock_timeout') end, true))`

/** `isAlone`: one request, which was asked in a batch before. */
type AnswerAll<Asked, Answer> = (asked: Asked[], isAlone: boolean) => Promise<(Answer | typeof alone)[]>

type Limits<Asked> = {
  maxSize?: number
  maxUnderWay?: number
  /** How long a call may take before another one starts next to it. */
  secondAfterMs?: number
  /** As long as a request waits for a connection where nothing is shared. */
  maxWaitMs?: number
  /** Aborts when nobody wants the answer any more. */
  signalOf?: (asked: Asked) => AbortSignal
}

/** One call at a time costs the server least. A call that takes longer than this may wait for a lock or a slow disk. */
const defaultSecondAfterMs = 25

/** So many repeats under way at a time leave connections to everybody else. */
const maxRepeatsUnderWay = 4

type Waiting<Asked, Answer> = {
  asked: Asked
  since: number
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/**
 * Makes one call for many requests: `answerAll` answers in the order of what it gets, in one transaction, and reads
 * nothing before it is called, so no request is judged by facts from before it arrived. A call that the database rejected
 * is repeated for each of its requests alone, so one bad row or lock hurts only its own request. After an unknown outcome
 * each request gets the error, since a repeat could do it twice. `name`: what a request's span is called. Throws
 * `WaitedTooLong`, or the reason of the request's signal, before anything is done for the request.
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
      // Not waited for: one that waits for somebody's lock delays no other batch.
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
      // After what else has arrived by now. A batch is nobody's work in particular.
      outsideOfWork(() => setImmediate(start))
    })
  return (asked) => traced(`sql ${name}`, () => ask(asked), { 'db.system.name': 'postgresql' }, 'client')
}

/** One call at a time, and others beside it where it takes long. `onFree`: the next one may start. */
function createTurns(
  { maxUnderWay, secondAfterMs }: { maxUnderWay: number; secondAfterMs: number },
  onFree: () => void,
) {
  let underWay = 0
  let isSlow = false
  return {
    isFree: () => underWay === 0 || (isSlow && underWay < maxUnderWay),
    /** Returns what ends the turn. */
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

/** An answer for each request. After an error they are to be asked alone, or have got it already, and there is none. */
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
