// `npm run bench`: compares the service with a minimal program for the same work. Method: bench/README.md.
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'

import { benchLinks } from './bench-links.ts'
import { benchLogins } from './bench-logins.ts'
import { benchMemory, largeUploads, manyUploads } from './bench-memory.ts'
import { benchMigrate } from './bench-migrate.ts'
import { benchPage } from './bench-page.ts'
import { benchPurge } from './bench-purge.ts'
import { benchScan } from './bench-scan.ts'
import { benchServed } from './bench-served.ts'
import { benchUploads } from './bench-uploads.ts'
import { judge, type Results } from './judge.ts'
import { type Bench, prepareBench } from './load/prepare.ts'
import { describe } from './print.ts'

const usage = `npm run bench -- [uploads] [links] [logins] [memory] [migrate] [scan] [served] [purge] [page] [--quick] [--json]

  Without the name of a part, all of them.
  --quick  a fifth of the requests in three rounds: faster, with figures that vary more
  --json   print the figures as JSON
`

const parts: { [Name in keyof Results]-?: (bench: Bench, results: Results) => Promise<void> } = {
  uploads: async (bench, results) => void (results.uploads = await benchUploads(bench)),
  links: async (bench, results) => void (results.links = await benchLinks(bench)),
  logins: async (bench, results) => void (results.logins = await benchLogins(bench)),
  memory: async (bench, results) => {
    const large = await benchMemory(bench, largeUploads)
    results.memory = { large, many: await benchMemory(bench, manyUploads) }
  },
  migrate: async (bench, results) => void (results.migrate = await benchMigrate(bench)),
  scan: async (bench, results) => void (results.scan = await benchScan(bench)),
  served: async (bench, results) => void (results.served = await benchServed(bench)),
  purge: async (bench, results) => void (results.purge = await benchPurge(bench)),
  page: async (bench, results) => void (results.page = await benchPage(bench)),
}

const { quick, only, json, help } = readWords()
if (help) process.stdout.write(usage)
else await run(untilInterrupted()).catch(explain)

function print(text: string): void {
  process.stderr.write(`${text}\n`)
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

function explain(error: unknown): void {
  print(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function run(signal: AbortSignal): Promise<void> {
  const machine = describeMachine()
  print(machine)
  const results: Results = {}
  const bench = await prepareBench({ print, signal, ...(quick ? { rounds: 3, share: 0.2 } : { rounds: 5, share: 1 }) })
  let isDone = false
  try {
    for (const [name, part] of Object.entries(parts))
      if (only.length === 0 || only.includes(name)) await part(bench, results)
    isDone = true
  } finally {
    await bench.close({ keep: !isDone && !signal.aborted })
  }
  const verdicts = judge(results)
  const output = json ? JSON.stringify({ machine, ...results, verdicts }, null, 2) : describe(results)
  process.stdout.write(`\n${output}\n`)
  if (verdicts.some(({ fails }) => fails)) process.exitCode = 1
}

function describeMachine(): string {
  const [first] = cpus()
  const [busy = 0] = loadavg()
  const database = process.env['DATABASE_URL'] === undefined ? 'embedded' : 'of DATABASE_URL'
  const s3 = process.env['AWS_ENDPOINT_URL_S3'] === undefined ? 'started for the bench' : 'of AWS_ENDPOINT_URL_S3'
  const quiet = busy < 1 ? '' : ', so other programs are running: only processor time and ratios are reliable'
  return (
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${first?.model ?? 'unknown'}, Node ${process.versions.node}, ` +
    `PostgreSQL ${database}, S3 ${s3}, load ${busy.toFixed(1)}${quiet}`
  )
}

function readWords() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    const unknown = positionals.find((name) => !Object.hasOwn(parts, name))
    if (unknown !== undefined) throw new Error(`There is no part "${unknown}".`)
    return { ...values, only: positionals }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}
