import type { Random } from './random.ts'

/** What befalls the service, counted from the moment at which the clients begin. */
export type Happening = { atMs: number } & (
  | { kind: 'kill'; instance: number; downMs: number }
  /** All connections to the database break at once; what was sent before has arrived. */
  | { kind: 'cut_database' }
  /** All connections to S3 break at once. */
  | { kind: 'cut_s3' }
  /** S3 does what it is asked, and nobody hears of it. */
  | { kind: 's3_answers_lost'; forMs: number }
  /** S3 refuses every connection. */
  | { kind: 's3_out'; forMs: number }
)

/** How long the clients begin new work, and what happens meanwhile, in the order of time. */
export type CyclePlan = { workMs: number; happenings: Happening[] }

type Wish = { instances: number; s3Outages: boolean }

/** Draws one cycle: always a kill, often trouble on the way to database or S3 as well. */
export function planCycle(random: Random, { instances, s3Outages }: Wish): CyclePlan {
  const workMs = random.between(200, 1000)
  const kills = random.percent(30) ? 2 : 1
  const happenings: Happening[] = Array.from({ length: kills }, () => ({
    kind: 'kill',
    atMs: random.between(50, workMs),
    instance: random.between(0, instances - 1),
    downMs: random.between(0, 200),
  }))
  const cuts = random.between(0, 2)
  for (let cut = 0; cut < cuts; cut += 1) happenings.push({ kind: 'cut_database', atMs: random.between(50, workMs) })
  if (random.percent(25)) happenings.push({ kind: 'cut_s3', atMs: random.between(50, workMs) })
  if (random.percent(15)) {
    happenings.push({ kind: 's3_answers_lost', atMs: random.between(50, workMs), forMs: random.between(50, 400) })
  }
  if (s3Outages && random.percent(30))
    happenings.push({ kind: 's3_out', atMs: random.between(0, workMs), forMs: random.between(300, 3000) })
  return { workMs, happenings: happenings.toSorted((a, b) => a.atMs - b.atMs) }
}
