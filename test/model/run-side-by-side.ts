import { randomInt } from 'node:crypto'

import { type Run, runModel, type RunResult } from './run-model.ts'
import type { World } from './world.ts'

/** Seeds of one world stay below those of the next. */
const seedsOfOneWorld = 1_000_000

/** The same in several worlds at once, each with its part of the operations and seeds of its own: while one waits, another works. */
export async function runSideBySide(worlds: World[], run: Run): Promise<RunResult> {
  const seed = run.seed ?? randomInt(1_000_000_000)
  // What failed can be run again alone, and so must not wait for the others.
  const ending = new AbortController()
  const results = await Promise.all(
    worlds.map(async (world, index) => {
      const part = {
        ...run,
        seed: seed + index * seedsOfOneWorld,
        operations: Math.ceil(run.operations / worlds.length),
      }
      const result = await runModel(world, { ...part, signal: ending.signal })
      if (result.failure !== undefined) ending.abort()
      return result
    }),
  )
  return {
    seed,
    histories: sumOf(results.map(({ histories }) => histories)),
    operations: sumOf(results.map(({ operations }) => operations)),
    failure: results.map(({ failure }) => failure).find((failure) => failure !== undefined),
  }
}

function sumOf(numbers: number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0)
}
