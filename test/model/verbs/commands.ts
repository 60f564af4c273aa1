import * as fc from 'fast-check'

import { type FirmName, firmNames } from '../state/cast.ts'
import { downloadWhile } from './download.ts'
import { type Allowed, upload, noteOutcomes, type SoundFile, soundFiles, together } from './upload.ts'
import { allVersions, differs, type Model } from '../state/model.ts'
import { noteHoursPassed } from '../notes/note-resumable.ts'
import { scansOf } from '../notes/note-scans.ts'
import { bothStores, noteDrained, noteMigration, noteMoving } from '../notes/note-stores.ts'
import type { Command, Ended } from '../program/run-command.ts'
import { scanNow } from './scan-now.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

type Migration = {
  firm: FirmName
  to: 's3' | 'local'
  deletes: boolean
  files: SoundFile[]
  reads: boolean
  scans: boolean
  killedAfterMs: number | undefined
}

/** When a command is killed, if at all. It needs some 100 ms to begin its work. */
export const killedAfter = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.integer({ min: 60, max: 500 }) },
)

/** Migrates a firm's documents and may be killed, while people upload and download. */
export const migrateVerb: fc.Arbitrary<Verb> = fc
  .record({
    firm: fc.constantFrom(...firmNames),
    to: fc.constantFrom('s3' as const, 'local' as const),
    deletes: fc.boolean(),
    files: fc.oneof(fc.constant<SoundFile[]>([]), soundFiles),
    reads: fc.boolean(),
    scans: fc.boolean(),
    killedAfterMs: killedAfter,
  })
  .map((migration) =>
    verb({
      words: wordsOf(migration),
      canRun: ({ isServing }) => isServing || (migration.files.length === 0 && !migration.reads),
      run: async (model, real) => migrate(model, real, migration),
    }),
  )

function wordsOf({ firm, to, deletes, files, reads, scans, killedAfterMs }: Migration): string {
  const how = `${deletes ? ', sources and all' : ''}${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`
  const others = [...(reads ? ['people download'] : []), ...(scans ? ['what is due is scanned'] : [])]
  const meanwhile = [...others, ...(files.length === 0 ? [] : [together(files)])]
  return `${firm} is migrated to ${to}${how}${meanwhile.length === 0 ? '' : `; meanwhile ${meanwhile.join(', and ')}`}`
}

async function migrate(model: Model, real: Real, migration: Migration): Promise<string> {
  const { firm, to, deletes, files, reads, scans, killedAfterMs } = migration
  const moment = (model.moment += 1)
  noteMoving(model, firm)
  const command = { verb: 'migrate', to, firm: real.firms[firm], deletesSource: deletes } as const
  const running = run(real, command, killedAfterMs)
  const [ended, outcomes] = await whileRunning(
    running,
    Promise.all(files.map((file) => upload(real, file, moment))),
    Promise.all([reads && downloadWhile(running, model, real), scans && scanNow(model, real)]),
  )
  assertEnd(model, 'migrate', ended)
  // Uploaded during the migration, so it may have moved them.
  const allowed: Allowed = { stores: bothStores, doubts: [], scanner: model.scanner }
  const taken = noteOutcomes(model, outcomes, allowed)
  noteMigration(model, firm, to, ended !== 'killed' && ended.code === 0 && files.length === 0)
  return [endInWords(ended), taken].filter((text) => text !== '').join('; ')
}

export const drainVerb: fc.Arbitrary<Verb> = killedAfter.map((killedAfterMs) =>
  verb({
    words: `the disk is drained${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`,
    canRun: () => true,
    async run(model, real) {
      const ended = await run(real, { verb: 'drain' }, killedAfterMs)
      assertEnd(model, 'drain', ended)
      if (ended !== 'killed' && ended.code === 0) noteDrained(model)
      return endInWords(ended)
    },
  }),
)

/** Runs the service's hourly collector as if almost a day, or two days, had passed. Resumable uploads wait for a day. */
export const collectVerb: fc.Arbitrary<Verb> = fc
  .record({ inHours: fc.constantFrom(48, 23), killedAfterMs: killedAfter })
  .map(({ inHours, killedAfterMs }) =>
    verb({
      words: `what was due ${inHours} hours from now is collected${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`,
      canRun: () => true,
      async run(model, real) {
        const ended = await run(real, { verb: 'collect', inHours }, killedAfterMs)
        assertEnd(model, 'the collector', ended)
        noteHoursPassed(model, inHours, ended !== 'killed' && ended.code === 0)
        return endInWords(ended)
      },
    }),
  )

export async function run({ world }: Real, command: Command, killedAfterMs: number | undefined) {
  return killedAfterMs === undefined ? world.service.run(command) : world.service.runAndKill(command, killedAfterMs)
}

/**
 * The calls of people during a command. If one of them finds a difference, the command must not continue into the next
 * history.
 */
export async function whileRunning<Came>(
  running: Promise<Ended | 'killed'>,
  doing: Promise<Came>,
  also?: Promise<unknown>,
): Promise<[Ended | 'killed', Came]> {
  try {
    const [ended, came] = await Promise.all([running, doing, also])
    return [ended, came]
  } catch (error) {
    await running.catch(() => undefined)
    throw error
  }
}

/** The command may fail if S3 fails, or if the service or its scanner is using the same file. */
function assertEnd(model: Model, command: string, ended: Ended | 'killed'): void {
  const { s3, firms } = model
  const isContested = Object.values(firms).some(
    ({ documents, doubtful }) =>
      doubtful.length > 0 ||
      documents.some(({ versions }) => versions.some(({ drains, stores }) => drains && stores.includes('local'))),
  )
  const isOnItsWayToQuarantine = allVersions(model).some((each) => scansOf(model, each).includes('infected'))
  const mayFail = s3 !== 'up' || isContested || isOnItsWayToQuarantine
  if (ended === 'killed' || ended.code === 0 || mayFail) return
  differs(`${command} failed: ${ended.why}`)
}

export function endInWords(ended: Ended | 'killed'): string {
  if (ended === 'killed') return ended
  return ended.code === 0 ? 'done' : `failed: ${ended.why}`
}
