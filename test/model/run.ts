// `npm run model`: random histories against the service and a model of it. See test/model/README.md.
import { parseArgs } from 'node:util'

import { servicesUntilEnd } from '../support/services/services-until-end.ts'
import { openWorlds, runSideBySide } from './run-side-by-side.ts'

const usage = `npm run model -- [--operations N] [--worlds W] [--seed S] [--path P] [--seconds T]

  --operations  how many, 1000 when not said
  --worlds      how many services to run histories against at once, every other one with a scanner, 2 when not said
  --seed        the same histories again; where its millions are odd, the first world has the scanner
  --path        with its seed: straight to the history that failed, as the failure printed it
  --seconds     no new history after so many
`

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000' },
    worlds: { type: 'string', default: '2' },
    seed: { type: 'string' },
    path: { type: 'string' },
    seconds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else process.exitCode = await run()

async function run(): Promise<number> {
  await using opened = new AsyncDisposableStack()
  const addresses = await servicesUntilEnd(['s3', 'postgres'], opened)
  const worlds = await openWorlds(addresses, {
    count: values.path === undefined ? Number(values.worlds) : 1,
    seed: values.seed === undefined ? undefined : Number(values.seed),
  })
  opened.defer(() => worlds.close())

  const result = await runSideBySide(worlds, {
    operations: Number(values.operations),
    path: values.path,
    mostMs: values.seconds === undefined ? undefined : Number(values.seconds) * 1000,
    onHistory: ({ histories, operations, failure }) => {
      if (histories % 5 === 0) say(`${histories} histories, ${operations} operations`)
      if (failure !== undefined)
        say(`history ${histories} differs after ${operations} operations, and is shrunk: ${failure}`)
    },
  })
  const { seed, histories, operations, failure } = result
  process.stdout.write(
    `${failure ?? 'No difference.'}\n${histories} histories, ${operations} operations, seed ${seed}\n`,
  )
  return failure === undefined ? 0 : 1
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
