import { afterAll, beforeAll, expect, it } from 'vitest'

import { testServices } from '../support/services.ts'
import { runModel } from './run-model.ts'
import { openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld(testServices())
})
afterAll(() => world.close())

it('after any history of uploads, looks, faults and kills the service holds what was promised, and nothing else', async () => {
  const { seed, histories, operations, failure } = await runModel(world, { operations: 1000, mostMs: 200_000 })

  console.log(`model: ${histories} histories, ${operations} operations, seed ${seed}`)
  expect(failure).toBeUndefined()
  expect(histories).toBeGreaterThan(0)
}, 450_000)
