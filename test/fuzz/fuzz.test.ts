import { randomInt } from 'node:crypto'

import { expect, it } from 'vitest'

import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { roundOf, testServices } from '../support/services/packages/test-services.ts'
import { targets } from './fuzz-targets.ts'
import { openFuzzWorld } from './scene/fuzz-world.ts'

const scene = sceneOfFile(async (closing) => {
  const world = await openFuzzWorld(testServices())
  closing.defer(() => world.close())
  return { world }
})

it.each(targets)(
  '$what: every answer is valid, and nothing is left behind',
  async ({ name, usualRuns, run }) => {
    const seed = randomInt(1_000_000_000)
    const runs = roundOf({ short: Math.ceil(usualRuns / 10), long: usualRuns })
    // Printed before the run, so that a hanging run can be repeated.
    console.log(`fuzz ${name}: seed ${seed}`)
    const { tries, answers, failure } = await run(scene.world, { runs, seed })

    console.log(`fuzz ${name}: ${tries} tries, answered ${JSON.stringify(answers)}`)
    expect(failure).toBeUndefined()
    expect(tries).toBeGreaterThanOrEqual(runs)
  },
  600_000,
)
