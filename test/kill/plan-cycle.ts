import { storeNames, type StoreName } from '../../src/vocabulary/vocabulary.ts'
import type { Random } from './scene/random.ts'

/** The faults of a cycle, timed from the start of the clients. */
export type Happening = { atMs: number } & (
  | {
      kind: 'kill'
      instance: number
      downMs: number
      /** Killed again this soon after it answers, when its fallback files are moving to S3. */
      againAfterMs: number | undefined
      /** Whether other bytes are planted at the targets of moves before the next mover. */
      plantsWrongBytes: boolean
    }
  /** All connections to the database break at once. Earlier bytes have arrived. */
  | { kind: 'cut_database' }
  /** All connections to S3 break at once. */
  | { kind: 'cut_s3' }
  /** S3 executes requests, and the answers are lost. */
  | { kind: 's3_answers_lost'; forMs: number }
  /** S3 refuses every connection. */
  | { kind: 's3_out'; forMs: number }
  /**
   * An operator moves everything to the other store while the service runs, and is killed this long after the start of
   * the moves.
   */
  | { kind: 'migrate'; instance: number; to: StoreName; killAfterMs: number; plantsWrongBytes: boolean }
)

/** Faults after all instances run again, because they need uploads in progress. */
export type Trouble =
  /** No COMMIT arrives, nor anything sent after it on the same connection. At the end all connections break. */
  | { kind: 'commits_lost'; forMs: number }
  /** The connection to S3 is slow, so that files are in transit for long. At the end the connections break. */
  | { kind: 's3_slow'; forMs: number; bytesPerSecond: number }

/**
 * The duration of the kills, the faults in order of time, the later faults one by one, and how long the clients
 * continue after them.
 */
export type CyclePlan = { workMs: number; happenings: Happening[]; troubles: Trouble[]; stableMs: number }

type Options = { instances: number; s3Outages: boolean; migrations: boolean }

/** Draws one cycle: always a kill, often a fault of the connections to the database or S3 as well. */
export function planCycle(random: Random, wish: Options): CyclePlan {
  const workMs = random.between(200, 1000)
  const beforeTheEnd = () => random.between(50, workMs)
  // Also during and after the next start of the service.
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
