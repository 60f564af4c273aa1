// `npm run fuzz`: malformed input for a real service. See test/fuzz/README.md.
import { parseArgs } from 'node:util'

import { servicesUntilEnd } from '../support/services/services-until-end.ts'
import { targets } from './fuzz-targets.ts'
import { openFuzzWorld } from './scene/fuzz-world.ts'

const usage = `npm run fuzz -- [--runs N] [--only NAME] [--seed S] [--path P]

  --runs  how many, 10000 when not said
  --only  one of ${targets.map(({ name }) => name).join(', ')}
  --seed  the same again
  --path  with its seed and name: straight to what failed, as the failure printed it
`

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    only: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else process.exitCode = await run()

async function run(): Promise<number> {
  await using opened = new AsyncDisposableStack()
  const addresses = await servicesUntilEnd(['s3', 'postgres'], opened)
  const world = await openFuzzWorld(addresses)
  opened.defer(() => world.close())

  const chosen = targets.filter(({ name }) => values.only === undefined || name === values.only)
  const whole = chosen.reduce((sum, { usualRuns }) => sum + usualRuns, 0)
  let failures = 0
  for (const { name, what, usualRuns, run: fuzz } of chosen) {
    const startedAt = performance.now()
    const { tries, answers, failure } = await fuzz(world, {
      runs: Math.ceil((Number(values.runs) * usualRuns) / whole),
      seed: values.seed === undefined ? undefined : Number(values.seed),
      path: values.path,
    })
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    process.stdout.write(`${name} (${what}): ${tries} in ${seconds} s ${JSON.stringify(answers)}\n${failure ?? ''}\n`)
    if (failure !== undefined) failures += 1
  }
  return failures === 0 ? 0 : 1
}
