import type { Db } from '../database/client.ts'
import { readSeals, type Seal } from '../database/seals.ts'

const sealsAtOnce = 20

/** All seals, oldest first. */
export async function* everySeal(db: Db): AsyncGenerator<Seal> {
  for (let next = 1; ;) {
    const seals = await readSeals(db, next, sealsAtOnce)
    yield* seals
    const last = seals.at(-1)
    if (last === undefined) return
    next = last.number + 1
  }
}
