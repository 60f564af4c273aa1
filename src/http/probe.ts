import { untilAborted } from '../storage/read-as-it-grows.ts'

export type Probe = () => Promise<boolean>

const mostMilliseconds = 2000
const keptMilliseconds = 2000

/** Asks something whether it answers, at most once at a time and every two seconds, however often somebody asks us. */
export function makeProbe(ask: () => Promise<unknown>, onFailure: (error: unknown) => void): Probe {
  let asked: { at: number; isAnswering: Promise<boolean> } | undefined
  let isUnderWay = false

  async function look(): Promise<boolean> {
    isUnderWay = true
    const answer = ask().finally(() => (isUnderWay = false))
    try {
      await untilAborted(answer, AbortSignal.timeout(mostMilliseconds))
      return true
    } catch (error) {
      onFailure(error)
      return false
    }
  }

  return async () => {
    const isFresh = asked !== undefined && performance.now() - asked.at < keptMilliseconds
    // One that hangs is asked again only when it has let go of the last question.
    if (asked === undefined || (!isFresh && !isUnderWay)) asked = { at: performance.now(), isAnswering: look() }
    return asked.isAnswering
  }
}
