import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import * as fc from 'fast-check'
import { z } from 'zod'

import { endInWords, killedAfter, run } from './commands.ts'
import { differs } from '../state/model.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

/** Whatever else happens: no bytes are said to be missing or wrong, and none to belong to nobody. */
const mustNotBeFound = new Set(['missing', 'wrong', 'stray', 'stray_upload'])

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
  // A killed one may have left its last line unfinished.
  const lines = text.split('\n').filter((line) => line.endsWith('}'))
  for (const line of lines) {
    const { kind, store, key } = reportLine.parse(JSON.parse(line))
    const isOurs = Object.values(firms).some((firm) => key?.includes(firm))
    if (isOurs && mustNotBeFound.has(kind)) differs(`verify found ${kind} on ${store}: ${key}`)
  }
}
