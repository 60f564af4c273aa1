import { storeNames, type StoreName } from '../../src/vocabulary/vocabulary.ts'
import type { Random } from './scene/random.ts'

/** What befalls the service, counted from the moment at which the clients begin. */
export type Happening = { atMs: number } & (
  | {
      kind: 'kill'
      instance: number
      downMs: number
      /** Once more so soon after it answers again: what waited on its disk is then on its way to S3. */
      againAfterMs: number | undefined
      /** Whether other bytes are put under the keys to which files were on their way, before the next mover comes. */
      plantsWrongBytes: boolean
    }
  /** All connections to the database break at once; what was sent before has arrived. */
  | { kind: 'cut_database' }
  /** All connections to S3 break at once. */
  | { kind: 'cut_s3' }
  /** S3 does what it is asked, and nobody hears of it. */
  | { kind: 's3_answers_lost'; forMs: number }
  /** S3 refuses every connection. */
  | { kind: 's3_out'; forMs: number }
  /** An operator moves everything to the other store beside the running service, and is killed so long after it began to. */
  | { kind: 'migrate'; instance: number; to: StoreName; killAfterMs: number; plantsWrongBytes: boolean }
)

/** What happens when everything runs again: only uploads under way show these faults. */
export type Trouble =
  /** No COMMIT arrives, nor what is sent after it on the same connection; at the end all connections break. */
  | { kind: 'commits_lost'; forMs: number }
  /** The way to S3 carries little at a time, so that files are on it for long; at the end the connections break. */
  | { kind: 's3_slow'; forMs: number; bytesPerSecond: number }

/**
 * For how long kills come, what happens in the order of time, and, when everything runs again, the troubles one by one and
 * for how long the clients go on after them.
 */
export type CyclePlan = { workMs: number; happenings: Happening[]; troubles: Trouble[]; stableMs: number }

type Options = { instances: number; s3Outages: boolean; migrations: boolean }

/** Draws one cycle: always a kill, often trouble on the way to database or S3 as well. */
export function planCycle(random: Random, wish: Options): CyclePlan {
  const workMs = random.between(200, 1000)
  const beforeTheEnd = () => random.between(50, workMs)
  // Also while the service starts again, and after it has.
  const atAnyTime = () => random.between(50, workMs + 1500)
  const instance = () => random.between(0, wish.instances - 1)
  const happenings: Happening[] = []
  const draw = (times: number, make: () => Happening) => {
    for (let time = 0; time < times; time += 1) happenings.push(make())
  }
  const inCase = (share: number) => Number(random.percent(share))

  draw(1 + inCase(20), () => ({
    kind: 'kill',
    atMs: beforeTheEnd(),
    instance: instance(),
    downMs: random.between(0, 200),
    againAfterMs: random.percent(40) ? random.between(0, 400) : undefined,
    plantsWrongBytes: random.percent(50),
  }))
  draw(random.between(0, 2), () => ({ kind: 'cut_database', atMs: atAnyTime() }))
  draw(inCase(25), () => ({ kind: 'cut_s3', atMs: atAnyTime() }))
  draw(inCase(15), () => ({ kind: 's3_answers_lost', atMs: atAnyTime(), forMs: random.between(50, 400) }))
  if (wish.s3Outages) draw(inCase(30), () => ({ kind: 's3_out', atMs: atAnyTime(), forMs: random.between(300, 3000) }))
  if (wish.migrations)
    draw(inCase(25), () => ({
      kind: 'migrate',
      atMs: atAnyTime(),
      instance: instance(),
      to: random.oneOf(storeNames),
      killAfterMs: random.between(0, 1500),
      plantsWrongBytes: random.percent(50),
    }))
  const stableMs = random.between(0, 800)
  return {
    workMs,
    stableMs,
    happenings: happenings.toSorted((a, b) => a.atMs - b.atMs),
    troubles: drawTroubles(random),
  }
}

function drawTroubles(random: Random): Trouble[] {
  const troubles: Trouble[] = []
  if (random.percent(50)) troubles.push({ kind: 'commits_lost', forMs: random.between(500, 1000) })
  const bytesPerSecond = random.between(4, 12) * 1024 * 1024
  if (random.percent(40)) troubles.push({ kind: 's3_slow', forMs: random.between(1000, 2000), bytesPerSecond })
  return troubles
}
