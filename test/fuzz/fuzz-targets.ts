import * as fc from 'fast-check'

import { formBatches } from './targets/fuzz-forms.ts'
import { changedFile, readFormat } from './targets/fuzz-formats.ts'
import { headBatches } from './targets/fuzz-heads.ts'
import { anyName, judgeName } from './targets/fuzz-names.ts'
import { requestBatches } from './targets/fuzz-requests.ts'
import { tokenBatches } from './targets/fuzz-tokens.ts'
import type { FuzzWorld } from './scene/fuzz-world.ts'
import type { ApiDescription } from './inputs/near-valid-requests.ts'
import { type Outcome, runBatches, runPlain, type Options } from './scene/run-batches.ts'

/** The targets of the fuzzing, with their share of the tries. */
export type Target = {
  name: string
  what: string
  /** The number of tries in `npm test`. */
  usualRuns: number
  run: (world: FuzzWorld, wish: Omit<Options, 'name'>) => Promise<Outcome>
}

const readApi = async ({ local }: FuzzWorld) =>
  (await (await fetch(`${local.url}/api/openapi.json`)).json()) as ApiDescription

export const targets: Target[] = [
  {
    name: 'requests',
    what: 'near-valid requests to every operation that the API describes, by everybody',
    usualRuns: 1500,
    run: async (world, wish) => runBatches(world, requestBatches(await readApi(world)), { ...wish, name: 'requests' }),
  },
  {
    name: 'forms',
    what: 'files in forms that are sound, or nearly',
    usualRuns: 500,
    run: (world, wish) => runBatches(world, formBatches, { ...wish, name: 'forms' }),
  },
  {
    name: 'tokens',
    what: 'tokens that are nearly somebody’s',
    usualRuns: 600,
    run: (world, wish) => runBatches(world, tokenBatches, { ...wish, name: 'tokens' }),
  },
  {
    name: 'heads',
    what: 'connections that speak HTTP, or nearly',
    usualRuns: 400,
    run: (world, wish) => runBatches(world, headBatches, { ...wish, name: 'heads' }),
  },
  {
    name: 'formats',
    what: 'files that were changed, read for what they are',
    usualRuns: 20_000,
    run: (_world, wish) => runPlain(fc.asyncProperty(changedFile, readFormat), { ...wish, name: 'formats' }),
  },
  {
    name: 'names',
    what: 'names, saved under themselves',
    usualRuns: 10_000,
    run: (_world, wish) =>
      runPlain(
        fc.asyncProperty(anyName, async (name) => judgeName(name)),
        { ...wish, name: 'names' },
      ),
  },
]
