import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'

import { type Allowed, handIn, noteOutcomes, type SoundFile, soundFiles, together } from './hand-in.ts'
import { differs, type FirmName, firmNames, type Model, noteDrained, noteMigration } from './model.ts'
import { type Real, type Verb, verb } from './verb.ts'
import type { Program } from './service-process.ts'

type Migration = {
  firm: FirmName
  to: 's3' | 'local'
  deletes: boolean
  files: SoundFile[]
  killedAfterMs: number | undefined
}

/** When a command is killed, if it is. It needs most of a second to come to its work. */
export const killedAfter = fc.option(fc.integer({ min: 400, max: 2000 }), { freq: 2, nil: undefined })

/** Somebody migrates a firm’s documents, is killed at it or not, and people hand in files meanwhile. */
export const migrateVerb: fc.Arbitrary<Verb> = fc
  .record({
    firm: fc.constantFrom(...firmNames),
    to: fc.constantFrom('s3' as const, 'local' as const),
    deletes: fc.boolean(),
    files: fc.oneof(fc.constant<SoundFile[]>([]), soundFiles),
    killedAfterMs: killedAfter,
  })
  .map((migration) =>
    verb({
      words: wordsOf(migration),
      canRun: ({ isServing }) => isServing || migration.files.length === 0,
      run: async (model, real) => migrate(model, real, migration),
    }),
  )

function wordsOf({ firm, to, deletes, files, killedAfterMs }: Migration): string {
  const how = `${deletes ? ', sources and all' : ''}${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`
  return `${firm} is migrated to ${to}${how}${files.length === 0 ? '' : `; meanwhile ${together(files)}`}`
}

async function migrate(
  model: Model,
  real: Real,
  { firm, to, deletes, files, killedAfterMs }: Migration,
): Promise<string> {
  const moment = (model.moment += 1)
  const words = ['migrate', `to-${to}`, '--firm', real.firms[firm], ...(deletes ? ['--delete-source'] : [])]
  const program = real.world.command(words)
  const [code, outcomes] = await Promise.all([
    endOf(program, killedAfterMs),
    Promise.all(files.map((file) => handIn(real, file, moment))),
  ])
  assertEnd(model, 'migrate', code)
  // They came while it ran, and it may have taken them along.
  const allowed: Allowed = { stores: ['s3', 'local'], doubts: [] }
  const taken = noteOutcomes(model, outcomes, allowed)
  noteMigration(model, firm, to, code === 0 && files.length === 0)
  return [codeInWords(code), taken].filter((text) => text !== '').join('; ')
}

export const drainVerb: fc.Arbitrary<Verb> = killedAfter.map((killedAfterMs) =>
  verb({
    words: `the disk is drained${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`,
    canRun: () => true,
    async run(model, real) {
      const code = await endOf(real.world.command(['drain']), killedAfterMs)
      assertEnd(model, 'drain', code)
      if (code === 0) noteDrained(model)
      return codeInWords(code)
    },
  }),
)

/** What a killed process had begun in the database may end a moment later. */
const lastStatementMs = 200

export async function endOf(program: Program, killedAfterMs: number | undefined): Promise<number | null> {
  if (killedAfterMs === undefined) return program.ended
  const code = await Promise.race([program.ended, sleep(killedAfterMs, 'late' as const)])
  if (code !== 'late') return code
  await program.kill()
  await sleep(lastStatementMs)
  return program.ended
}

/** It may fail where S3 does not do its part, or where the service is at the same file. 2 would mean that we asked wrongly. */
function assertEnd({ s3, firms }: Model, command: string, code: number | null): void {
  const isContested = Object.values(firms).some(
    ({ documents, doubtful }) =>
      doubtful.length > 0 || documents.some(({ drains, stores }) => drains && stores.includes('local')),
  )
  const mayFail = s3 !== 'up' || isContested
  if (code === 0 || code === null || (code === 1 && mayFail)) return
  differs(`${command} ended with ${code}`)
}

export function codeInWords(code: number | null): string {
  return code === null ? 'killed' : `ended with ${code}`
}
