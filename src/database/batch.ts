import { outsideOfWork, traced } from '../logger-trace.ts'
import { isSureOfNothing } from './in-transaction.ts'

/** Answers one request; requests that arrive while a call is under way share the next one. */
export type Batched<Asked, Answer> = (asked: Asked) => Promise<Answer>

/** The answer to a request that must be asked alone, since its neighbours stand in its way. */
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

/** `isAlone`: one request, which was asked in a batch before. */
type AnswerAll<Asked, Answer> = (asked: Asked[], isAlone: boolean) => Promise<(Answer | typeof alone)[]>

type Limits = { maxSize?: number; maxUnderWay?: number }

type Waiting<Asked, Answer> = { asked: Asked; resolve: (answer: Answer) => void; reject: (error: unknown) => void }

/**
 * Makes one call for many requests: `answerAll` answers in the order of what it gets, in one transaction, and reads
 * nothing before it is called, so no request is judged by facts from before it arrived. A call that the database rejected
 * is repeated for each of its requests alone, so one bad row or lock hurts only its own request. After an unknown outcome
 * each request gets the error, since a repeat could do it twice. `name`: what a request's span is called.
 */
export function createBatch<Asked, Answer>(
  name: string,
  answerAll: AnswerAll<Asked, Answer>,
  { maxSize = 64, maxUnderWay = 2 }: Limits = {},
): Batched<Asked, Answer> {
  type Request = Waiting<Asked, Answer>
  let waiting: Request[] = []
  let underWay = 0
  let isScheduled = false

  function start(): void {
    isScheduled = false
    while (underWay < maxUnderWay && waiting.length > 0) {
      const batch = waiting.slice(0, maxSize)
      waiting = waiting.slice(maxSize)
      underWay += 1
      void answer(batch).then(end, end)
    }
  }

  function end(): void {
    underWay -= 1
    start()
  }

  async function answer(batch: Request[], isAlone = false): Promise<void> {
    const answered = await answerAll(
      batch.map(({ asked }) => asked),
      isAlone,
    ).catch((error: unknown) => {
      if (batch.length > 1 && isSureOfNothing(error)) return batch.map((): typeof alone => alone)
      for (const { reject } of batch) reject(error)
      return undefined
    })
    if (answered === undefined) return
    for (const [index, request] of batch.entries()) {
      const each = answered[index]
      // Not waited for: one that waits for somebody's lock holds up no other batch.
      if (each === alone && !isAlone) void answer([request], true)
      else if (each === undefined || each === alone || answered.length !== batch.length)
        request.reject(new Error('a request of a batch has no answer'))
      else request.resolve(each)
    }
  }

  const ask: Batched<Asked, Answer> = (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject })
      if (isScheduled) return
      isScheduled = true
      // After what else has arrived by now. A batch is nobody's work in particular.
      outsideOfWork(() => setImmediate(start))
    })
  return (asked) => traced(`sql ${name}`, () => ask(asked), { 'db.system.name': 'postgresql' }, 'client')
}
