import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import { type App, openApp } from '../src/app.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { systemActor } from '../src/database/audit/events.ts'
import { purgeDaily, walkTrash } from '../src/documents/purge/purge-trash.ts'
import { purgeCutoff } from '../src/documents/trash/trash-retention.ts'
import { createLogger } from '../src/logging/logger.ts'
import { fillTrash } from '../test/support/documents/fill-trash.ts'
import { makeFirm, makePerson } from '../test/support/people/people.ts'
import type { Bench } from './load/prepare.ts'
import { makePassableFolder } from '../test/support/run/passable-folder.ts'

export type PurgeResult = {
  what: 'dry run' | 'purge'
  documents: number
  seconds: number
  secondsOfDouble: number
  /** The time with twice the documents divided by the time: 2 is linear. */
  times: number
}

const walkedDocuments = 100_000
const purgedDocuments = 5_000

/**
 * A walk through the trash and a purge, with N documents in the trash and with 2N. Half of the documents are under a legal
 * hold, and a purge destroys the other half.
 */
export async function benchPurge(bench: Bench): Promise<PurgeResult[]> {
  return [
    await measure(bench, { what: 'dry run', documents: Math.round(walkedDocuments * bench.share), run: walk }),
    await measure(bench, { what: 'purge', documents: Math.round(purgedDocuments * bench.share), run: purge }),
  ]
}

type Case = { what: PurgeResult['what']; documents: number; run: (app: App) => Promise<void> }

async function measure(bench: Bench, { what, documents, run }: Case): Promise<PurgeResult> {
  const seconds = await secondsWith(bench, { what, documents, run })
  const secondsOfDouble = await secondsWith(bench, { what, documents: 2 * documents, run })
  return { what, documents, seconds, secondsOfDouble, times: secondsOfDouble / seconds }
}

/** Measures one run in a new database. */
async function secondsWith(bench: Bench, { what, documents, run }: Case): Promise<number> {
  const folder = await makePassableFolder('purge-', bench.folder)
  const config = loadConfig({
    JWT_SECRET_KEY: randomBytes(32).toString('hex'),
    USE_S3_STORAGE: 'false',
    DATA_DIR: join(folder, 'data'),
    UPLOADS_DIR: join(folder, 'uploads'),
  })
  const app = await openApp(config, createLogger({ level: 'silent', isTerminal: false }))
  try {
    bench.print(`Filling the trash with ${documents} documents (${what}).`)
    await fillTrash(app.db, {
      firmId: await makeFirm(app),
      uploadedBy: (await makePerson(app)).id,
      count: documents,
    })
    bench.signal.throwIfAborted()
    const startedAt = performance.now()
    await run(app)
    return (performance.now() - startedAt) / 1000
  } finally {
    await app.close()
  }
}

async function walk({ db, now, config }: App): Promise<void> {
  const times = { now: now(), before: purgeCutoff(now(), config.trashDays) }
  for await (const _ of walkTrash(db, times, { documentIds: undefined }));
}

async function purge(app: App): Promise<void> {
  await purgeDaily(app, systemActor('bench'), new AbortController().signal)
}
