// `npm run kill`: whether documents answered with 201 survive kill −9 at any moment. See test/kill/README.md.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'

import { describeCycle, describeReport } from './describe-report.ts'
import type { KillReport } from './kill-loop.ts'
import { runChapters } from './run-chapters.ts'

const usage = `npm run kill -- [--cycles N] [--first-cycle N] [--seed WORDS] [--instances 1|2] [--clients N] [--no-s3-outages] [--no-migrations] [--json]

  --cycles N        so many times the service is killed and what it has compared (100)
  --first-cycle N   begins with this one's schedule (1); every 25 an installation ends and the next one begins
  --seed WORDS      draws the schedule again that this seed drew before
  --instances 1|2   so many services on one database and one bucket (1)
  --clients N       so many people at once (6)
  --no-s3-outages   S3 is never out for longer than a moment
  --no-migrations   nobody migrates beside the service
  --json            the summary for machines, on standard output
`

const options = readWords()
if (options.help) process.stdout.write(usage)
else await run(untilInterrupted())

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => controller.abort(new Error('interrupted')))
  return controller.signal
}

async function run(signal: AbortSignal): Promise<void> {
  say(`seed ${options.seed}`)
  try {
    const lastCycle = options.firstCycle + options.cycles - 1
    const onCycle = (report: Parameters<typeof describeCycle>[0]) => say(describeCycle(report, lastCycle))
    printReport(await runChapters({ ...options, signal, onCycle }, process.env))
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

function printReport(report: KillReport): void {
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${describeReport(report)}\n`)
  if (report.differences.length > 0) process.exitCode = 1
}

function readWords() {
  try {
    const { values } = parseArgs({
      options: {
        cycles: { type: 'string', default: '100' },
        'first-cycle': { type: 'string', default: '1' },
        seed: { type: 'string', default: randomBytes(4).toString('hex') },
        instances: { type: 'string', default: '1' },
        clients: { type: 'string', default: '6' },
        's3-outages': { type: 'boolean', default: true },
        migrations: { type: 'boolean', default: true },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
      allowNegative: true,
    })
    return {
      ...values,
      s3Outages: values['s3-outages'],
      firstCycle: wholeNumber('--first-cycle', values['first-cycle'], 1_000_000),
      cycles: wholeNumber('--cycles', values.cycles, 1_000_000),
      instances: wholeNumber('--instances', values.instances, 2),
      clients: wholeNumber('--clients', values.clients, 100),
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new Error(`${name} takes a whole number from 1 to ${most}.`)
  return value
}
