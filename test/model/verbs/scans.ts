import * as fc from 'fast-check'
import { sql } from 'kysely'

import { hasDocuments, pick } from './browse.ts'
import { cast, people } from '../state/cast.ts'
import { endInWords, killedAfter, run, whileRunning } from './commands.ts'
import { compareLinks } from './compare-links.ts'
import { downloadWhile } from './download.ts'
import { differs, type Model, versionOf } from '../state/model.ts'
import { noteAllScanned } from '../notes/note-scans.ts'
import { learnVirus, letPausesPass, scanNow } from './scan-now.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

const scan = fc.record({ reads: fc.boolean(), killedAfterMs: killedAfter })
type Scan = typeof scan extends fc.Arbitrary<infer Value> ? Value : never

/** Ends the pauses of pending files and scans them, in a program that may be killed. */
export const scanVerb: fc.Arbitrary<Verb> = scan.map((how) =>
  verb({
    words: `what is due is scanned${howInWords(how)}`,
    canRun: ({ scanner, isServing }) => scanner !== 'none' && (isServing || !how.reads),
    run: async (model, real) => scanWhile(model, real, how),
  }),
)

/** New signatures arrive that detect a stored clean file. */
export const signatureVerb: fc.Arbitrary<Verb> = fc
  .record({ of: fc.constantFrom(...people), which: fc.nat({ max: 20 }), older: fc.nat({ max: 1 }), how: scan })
  .map(({ of, which, older, how }) =>
    verb({
      words: `the scanner learns of a virus in document ${which} of ${cast[of].firm}${older === 0 ? '' : ', as it was before'}; what is due is scanned${howInWords(how)}`,
      canRun: (model) => model.scanner !== 'none' && hasDocuments(of)(model),
      async run(model, real) {
        const document = pick(model, of, which)
        await learnVirus(model, real, versionOf(document, Math.max(1, document.versions.length - older)))
        return scanWhile(model, real, how)
      },
    }),
  )

function howInWords({ reads, killedAfterMs }: Scan): string {
  return `${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}${reads ? '; meanwhile people download' : ''}`
}

async function scanWhile(model: Model, real: Real, { reads, killedAfterMs }: Scan): Promise<string> {
  await letPausesPass(real)
  const running = run(real, { verb: 'scan' }, killedAfterMs)
  const [ended] = await whileRunning(running, reads ? downloadWhile(running, model, real) : Promise.resolve())
  if (ended !== 'killed' && ended.code !== 0) differs(`the scan failed: ${ended.why}`)
  await compareLinks(model, real, 'brought_to_the_end')
  return `${await countScanned(real)}; ${endInWords(ended)}`
}

async function countScanned({ world, firms }: Real): Promise<string> {
  const { rows } = await sql<{ status: string; count: number }>`
    select scan_status as status, count(*)::int as count from document_versions
    where firm_id = any (${Object.values(firms)}::uuid[]) group by 1 order by 1`.execute(world.db)
  return rows.map(({ status, count }) => `${count} ${status}`).join(', ')
}

const scannedWithinMs = 60_000

/** With an answering scanner no file stays pending, and infected files are in quarantine. */
export async function untilScanned(model: Model, real: Real): Promise<void> {
  if (model.scanner === 'none') return
  for (const giveUpAt = Date.now() + scannedWithinMs; ;) {
    const waiting = await listUnscanned(model, real)
    if (waiting.length === 0) break
    if (Date.now() > giveUpAt) differs(`not scanned, although the scanner is back: ${JSON.stringify(waiting)}`)
    await scanNow(model, real)
  }
  noteAllScanned(model)
}

async function listUnscanned({ viruses }: Model, { world, firms }: Real) {
  const { rows } = await sql<{ storage_key: string; scan_status: string; bytes_state: string }>`
    select storage_key, scan_status, bytes_state from document_versions
    where firm_id = any (${Object.values(firms)}::uuid[])
      and (scan_status not in ('clean', 'infected') or (scan_status = 'infected' and bytes_state = 'present')
        or (scan_status = 'clean' and sha256 = any (${[...viruses]}::text[])))`.execute(world.db)
  return rows
}
