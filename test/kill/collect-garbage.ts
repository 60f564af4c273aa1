import { utimes } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { openApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { compareTwice, type LookNeeds } from './checks/check-cycle.ts'
import type { Scene } from './scene/open-scene.ts'
import { readNames } from './checks/read-names.ts'
import type { Instance } from '../support/service/start-instance.ts'
import { findNotResumed, listDeadMoves } from './checks/resumed-moves.ts'
import { startMigration } from './scene/start-migration.ts'
import { takeStock } from './checks/take-stock.ts'

const dayMs = 24 * 60 * 60 * 1000
// The service drains every minute by itself.
const maxSecondsToDrain = 240
// As often it finishes uploads, a minute later after a failure.
const maxSecondsToFinish = 240

/** Whether the fallback files moved to S3 by themselves. */
export async function waitForDrain({ query }: Scene, signal: AbortSignal): Promise<string[]> {
  let waiting: string[] = []
  for (let seconds = 0; seconds < maxSecondsToDrain; seconds += 1) {
    const { versions } = await readNames(query)
    waiting = versions.filter((version) => version.isFallback).map(({ documentId }) => documentId)
    if (waiting.length === 0) return []
    await sleep(1000, undefined, { signal })
  }
  return waiting.map((id) => `document ${id} still waits on a disk, ${maxSecondsToDrain} s after S3 was back`)
}

/** Whether files whose bytes were all received became documents by themselves. */
export async function waitForEnds({ query }: Scene, signal: AbortSignal): Promise<string[]> {
  let waiting: { id: string }[] = []
  for (let seconds = 0; seconds < maxSecondsToFinish; seconds += 1) {
    waiting = await query<{ id: string }>(`
      select u.id from document_uploads u join document_blobs b on b.id = u.blob_id and b.state = 'incoming'
      where u.received_bytes = u.total_bytes and u.failure is null and u.result_document_id is null`)
    if (waiting.length === 0) return []
    await sleep(1000, undefined, { signal })
  }
  return waiting.map(({ id }) => `upload ${id} has all its bytes, and no document after ${maxSecondsToFinish} s`)
}

/**
 * Moves the files that killed migrations left on the disks to S3. One run for each disk must succeed, since it resumes
 * dead moves.
 */
export async function migrateAll({ instances, query }: Scene, signal: AbortSignal): Promise<string[]> {
  const codes: (number | null)[] = []
  const stuck: string[] = []
  for (const instance of instances) {
    const dead = await listDeadMoves(query, { to: 's3', uploadsDir: instance.uploadsDir })
    const migration = startMigration(instance, 's3', signal)
    stuck.push(...(await findNotResumed(query, dead, migration)))
    codes.push(await migration.ended)
  }
  const { versions } = await readNames(query)
  const left = versions.filter(({ place }) => !place.startsWith('s3:'))
  if (left.length === 0 && codes.every((code) => code === 0)) return stuck
  return [...stuck, `migrate to-s3 ends with ${codes.join()} and leaves ${left.length} documents on the disks`]
}

/** Ends the instances like an operator. */
export async function stopInstances({ instances }: Scene): Promise<string[]> {
  const codes = await Promise.all(instances.map((instance) => instance.stop()))
  return codes.flatMap((code, index) => (code === 0 ? [] : [`${instances[index]?.name} ended with ${code}`]))
}

/** Collects as if two days had passed, once on every disk, and finds the files that still have no version. */
export async function collectGarbage(needs: LookNeeds): Promise<{ collected: string[]; differences: string[] }> {
  const { scene } = needs
  const [, before] = await compareTwice(needs)
  await ageLeftovers(scene)
  for (const instance of scene.instances) await collectOn(scene, instance)
  const [stock, after] = await compareTwice(needs)
  return {
    collected: before.garbage.filter((what) => !after.garbage.includes(what)),
    differences: [
      ...after.differences,
      ...after.garbage.map((what) => `garbage that the collector left: ${what}`),
      ...stock.blobs
        .filter(({ state, isKept }) => state === 'incoming' || (state === 'leaving' && !isKept))
        .map(({ place, state }) => `a blob that is ${state} although everything was collected: ${place}`),
    ],
  }
}

/** Opening the stores removes files of unfinished work that are older than a day. */
async function ageLeftovers(scene: Scene): Promise<void> {
  const { leftovers } = await takeStock({ ...scene, disks: scene.instances })
  const then = new Date(Date.now() - 2 * dayMs)
  for (const path of leftovers) await utimes(path, then, then)
}

async function collectOn(scene: Scene, { uploadsDir, dataDir }: Instance): Promise<void> {
  const settings = { ...scene.settings('direct'), UPLOADS_DIR: uploadsDir, DATA_DIR: dataDir }
  const app = await openApp(loadConfig(settings), createLogger({ level: 'silent', isTerminal: false }))
  try {
    const now = () => new Date(Date.now() + 2 * dayMs)
    await collectBlobs({ ...app, now, graceMs: 0 }, new AbortController().signal)
  } finally {
    await app.close()
  }
}
