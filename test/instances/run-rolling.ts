// `npm run rolling`: restarts under load. See test/with-platform/README.md.
import { parseArgs } from 'node:util'

import { manyAnHour } from '../support/service/many-an-hour.ts'
import { obtainServices } from '../support/services/obtain-services.ts'
import { measureBarePipe } from './measure-bare-pipe.ts'
import { openBeside } from '../with-platform/open-instances.ts'
import { roll, type RollReport } from './roll.ts'

const usage = `npm run rolling -- [--rounds N] [--rate N] [--bytes N] [--kill] [--json]

  --rounds N   so many times each of the two is restarted (4)
  --rate N     so many uploads a second, or what the bare pipe reaches if that is less (50)
  --bytes N    of each file (100000)
  --kill       by kill -9 instead of SIGTERM
  --json       the report for machines, on standard output
`

const options = readWords()
if (options.help) process.stdout.write(usage)
else await run()

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function run(): Promise<void> {
  const { bytes, rounds } = options
  const { addresses, stop } = await obtainServices(['s3', 'postgres'], process.env)
  try {
    const barePipe = await measureBarePipe({ bytes, atOnce: 32, seconds: 5 })
    const perSecond = Math.min(options.rate, barePipe)
    say(`The bare pipe takes ${barePipe.toFixed(0)} uploads/s of ${bytes} bytes; ${perSecond.toFixed(0)}/s are sent.`)
    const beside = await openBeside({ addresses, settings: manyAnHour })
    let isGood = false
    try {
      const report = await roll(beside, { perSecond, bytes, rounds, by: options.by, say })
      isGood = report.failed + report.lost.length + report.unaccounted === 0
      printReport({ barePipe, perSecond }, report)
    } finally {
      if (!isGood) say(`The logs stay in ${beside.folder}.`)
      process.exitCode = isGood ? 0 : 1
      await beside.close({ keep: !isGood })
    }
  } finally {
    await stop()
  }
}

function printReport(rates: { barePipe: number; perSecond: number }, report: RollReport): void {
  if (options.json) return void process.stdout.write(`${JSON.stringify({ ...rates, ...report })}\n`)
  const failures = Object.entries(report.failures).map(([why, count]) => `${count} × ${why}`)
  process.stdout.write(`bare pipe      ${rates.barePipe.toFixed(0)}/s
sent           ${report.sent}, ${rates.perSecond.toFixed(0)}/s
restarts       ${report.restarts} by ${options.by}
answered 201   ${report.answered201}
failed         ${report.failed} ${failures.join(', ')}
asked twice    ${report.askedTwice}
broken off     ${report.brokenOff}
median         ${report.medianMs} ms
slowest        ${report.slowestMs} ms
compared       ${report.compared}
lost           ${report.lost.length} ${report.lost.slice(0, 5).join(', ')}
unaccounted    ${report.unaccounted}
`)
}

function readWords() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '4' },
        rate: { type: 'string', default: '50' },
        bytes: { type: 'string', default: '100000' },
        kill: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return {
      ...values,
      by: values.kill ? ('SIGKILL' as const) : ('SIGTERM' as const),
      rounds: wholeNumber('--rounds', values.rounds),
      rate: wholeNumber('--rate', values.rate),
      bytes: wholeNumber('--bytes', values.bytes),
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exit(2)
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} takes a whole number above 0.`)
  return value
}
