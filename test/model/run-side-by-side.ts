import { randomInt } from 'node:crypto'

import type { ServiceAddresses } from '../support/services/packages/service-addresses.ts'
import { type Run, runModel, type RunResult } from './run-model.ts'
import { shareClamd } from './state/scanner.ts'
import { openWorld, type World } from './state/world.ts'

/** Keeps the seeds of one world below those of the next. */
const seedsOfOneWorld = 1_000_000

/** Every other world has a scanner. The seed determines it, so that a replayed history has the same setting. */
const hasScanner = (seed: number) => Math.floor(seed / seedsOfOneWorld) % 2 === 1

/** The same for a versioned bucket, so that every combination with a scanner occurs. */
const isVersioned = (seed: number) => [1, 2].includes(Math.floor(seed / seedsOfOneWorld) % 4)

export type Worlds = { seed: number; each: World[]; close(): Promise<void> }

export async function openWorlds(
  services: ServiceAddresses,
  { count, seed = randomInt(1_000_000_000) }: { count: number; seed?: number | undefined },
): Promise<Worlds> {
  await using opened = new AsyncDisposableStack()
  const seeds = Array.from({ length: count }, (_, index) => seed + index * seedsOfOneWorld)
  const clamd = seeds.some(hasScanner) ? await shareClamd() : undefined
  opened.defer(async () => clamd?.close())
  const each: World[] = []
  for (const one of seeds) {
    const world = await openWorld(services, {
      clamd: hasScanner(one) ? clamd : undefined,
      isVersioned: isVersioned(one),
    })
    opened.defer(() => world.close())
    each.push(world)
  }
  const closing = opened.move()
  return { seed, each, close: () => closing.disposeAsync() }
}

/**
 * Runs the model in several worlds at once, each with its share of the operations and its own seeds: while one waits,
 * another works.
 */
export async function runSideBySide({ seed, each: worlds }: Worlds, run: Omit<Run, 'seed'>): Promise<RunResult> {
  // A failed history can be repeated alone, so it does not wait for the others.
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
