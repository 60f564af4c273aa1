import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import * as fc from 'fast-check'
import { z } from 'zod'

import { endInWords, killedAfter, run } from './commands.ts'
import { differs } from '../state/model.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

/** Whatever else happens, no version is reported as missing or corrupt, and no file as an orphan. */
const mustNotBeFound = new Set(['missing', 'wrong', 'orphan', 'orphan_upload'])

const reportLine = z.object({ kind: z.string(), store: z.string(), key: z.string().nullable() })

export const verifyVerb: fc.Arbitrary<Verb> = fc
  .record({ killedAfterMs: killedAfter, repairs: fc.boolean() })
  .map(({ killedAfterMs, repairs }) =>
    verb({
      words: `all is verified${repairs ? ' and repaired' : ''}${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`,
      canRun: () => true,
      async run(_model, real) {
        const report = join(real.world.folder, 'verified')
        const ended = await run(real, { verb: 'verify', repairs, report }, killedAfterMs)
        await assertNothingFound(real, report)
        return endInWords(ended)
      },
    }),
  )

async function assertNothingFound({ firms }: Real, report: string): Promise<void> {
  const text = await readFile(report, 'utf8').catch(() => '')
  await rm(report, { force: true })
  // A killed run may have an incomplete last line.
  const lines = text.split('\n').filter((line) => line.endsWith('}'))
  for (const line of lines) {
    const { kind, store, key } = reportLine.parse(JSON.parse(line))
    const isOurs = Object.values(firms).some((firm) => key?.includes(firm))
    if (isOurs && mustNotBeFound.has(kind)) differs(`verify found ${kind} on ${store}: ${key}`)
  }
}
