import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Client } from 'pg'

import { openDatabase } from '../../src/database/connection/client.ts'
import { createTokenKeys } from '../../src/people/sessions/token-keys.ts'
import { findStoreId } from '../../src/storage/local/local-files.ts'
import type { StoreName } from '../../src/vocabulary/vocabulary.ts'
import { openScene, type Scene } from '../kill/scene/open-scene.ts'
import type { Random } from '../kill/scene/random.ts'
import { findNotResumed, listDeadMoves } from '../kill/checks/resumed-moves.ts'
import { type Migration, startMigration } from '../kill/scene/start-migration.ts'
import { countTakeovers, watchBlobs } from '../support/blobs/watch-blobs.ts'
import { makeFirm, makePerson } from '../support/people/people.ts'
import { seedDocuments, type SeededDocument, defaultSizes } from '../support/documents/seed-documents.ts'
import type { ServiceAddresses } from '../support/services/packages/service-addresses.ts'
import { compareMoved } from './compare-moved.ts'

export type KilledMigrations = {
  files: number
  bytes: number
  kills: number
  /** The number of claims of killed runs that later runs took over. */
  resumedMoves: number
  seconds: number
  differences: string[]
}

type Options = {
  addresses: ServiceAddresses
  files: number
  /** The number of runs that are killed in each direction before one may complete. */
  kills: number
  random: Random
  say: (line: string) => void
  signal: AbortSignal
}

/**
 * Migrates documents from disk to S3 and back with kill −9 at random moments, lets a run complete, and compares the
 * result with the start: every row, every hash, no object twice, none lost.
 */
export async function killMigrations(wish: Options): Promise<KilledMigrations> {
  const { files, random, say } = wish
  const scene = await openScene({ addresses: wish.addresses, instances: 1, onEndByItself: say })
  try {
    const startedAt = performance.now()
    await runToItsEnd(scene, ['migrate', 'to-s3', '--dry-run']) // creates the tables and the disk's id
    await watchBlobs(scene.query)
    const seeded = await seed(
      scene,
      defaultSizes(files, () => random.fraction()),
    )
    const bytes = seeded.reduce((sum, { size }) => sum + size, 0)
    say(`${files} files, ${Math.round(bytes / 1e6)} MB, on the disk.`)

    const differences: string[] = []
    let kills = 0
    for (const to of ['s3', 'local'] as const) {
      const { killed, stuck } = await migrateWithKills(wish, scene, to)
      kills += killed
      const found = [...stuck, ...(await compareMoved(scene, seeded, to))]
      say(`Compared ${files} files in ${to}: ${found.length} differences.`)
      differences.push(...found.map((each) => `after migrate to-${to}: ${each}`))
    }
    const resumedMoves = await countTakeovers(scene.query)
    return { files, bytes, kills, resumedMoves, seconds: (performance.now() - startedAt) / 1000, differences }
  } finally {
    await scene.close({ keep: false })
  }
}

async function seed(scene: Scene, sizes: number[]): Promise<SeededDocument[]> {
  const [instance] = scene.instances
  const storeId = instance && (await findStoreId(instance.uploadsDir))
  if (instance === undefined || storeId === undefined) throw new Error('the disk has no id')
  const connectionString = scene.settings('direct')['DATABASE_URL'] ?? ''
  const { db } = openDatabase({ connectionString }, { warn: () => undefined } as never) // this test needs no log
  try {
    const registry = { db, now: () => new Date(), keys: await createTokenKeys(scene.secret) }
    const firmId = await makeFirm(registry)
    const { id: uploadedBy } = await makePerson(registry)
    return await seedDocuments({ db, uploadsDir: instance.uploadsDir, storeId, firmId, uploadedBy }, sizes)
  } finally {
    await db.destroy()
  }
}

/**
 * Kills this number of runs, each at a random time after it has moved something, then lets two concurrent runs
 * complete.
 */
async function migrateWithKills(
  wish: Options,
  scene: Scene,
  to: StoreName,
): Promise<{ killed: number; stuck: string[] }> {
  const { kills, random, say, signal } = wish
  const stuck: string[] = []
  let killed = 0
  for (let run = 0; run < kills; run += 1) {
    signal.throwIfAborted()
    const atLeast = (await countLeft(scene.client, to)) - random.between(1, Math.ceil(wish.files / (kills + 4)))
    const dead = await listDeadMoves(scene.query, { to, uploadsDir: instanceOf(scene).uploadsDir })
    const migration = startMigration(instanceOf(scene), to, signal, [])
    // The others may be killed while they resume.
    if (random.percent(50)) stuck.push(...(await findNotResumed(scene.query, dead, migration)))
    if (await killOnceMoved(scene, migration, { to, left: atLeast, afterMs: random.between(0, 40) })) killed += 1
  }
  say(`migrate to-${to}: ${killed} runs killed, ${await countLeft(scene.client, to)} files left to the last ones.`)
  const dead = await listDeadMoves(scene.query, { to, uploadsDir: instanceOf(scene).uploadsDir })
  const last = [1, 2].map(() => startMigration(instanceOf(scene), to, signal, []))
  for (const migration of last.slice(0, 1)) stuck.push(...(await findNotResumed(scene.query, dead, migration)))
  for (const code of await Promise.all(last.map(({ ended }) => ended)))
    if (code !== 0) stuck.push(`migrate to-${to} ended with ${code ?? 'a signal'}`)
  return { killed, stuck }
}

type Until = { to: StoreName; left: number; afterMs: number }

/** False if the run completed before. */
async function killOnceMoved({ client }: Scene, migration: Migration, { to, left, afterMs }: Until): Promise<boolean> {
  const end = new AbortController()
  void migration.ended.then(() => end.abort())
  while (!end.signal.aborted && (await countLeft(client, to)) > left) await sleep(5)
  await sleep(afterMs)
  const isKilled = migration.kill()
  await migration.ended
  return isKilled
}

async function runToItsEnd(scene: Scene, words: string[]): Promise<void> {
  const child = instanceOf(scene).run(words)
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${words.join(' ')} ended with ${child.exitCode ?? 'a signal'}: ${said}`)
}

function instanceOf({ instances: [instance] }: Scene) {
  if (instance === undefined) throw new Error('the scene has no instance')
  return instance
}

async function countLeft(client: Client, to: StoreName): Promise<number> {
  const { rows } = await client.query<{ left: number }>(
    'select count(*)::int as left from document_versions where store <> $1',
    [to],
  )
  return rows[0]?.left ?? 0
}
