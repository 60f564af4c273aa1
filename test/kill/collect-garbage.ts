import { utimes } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { openApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { collectBytes } from '../../src/documents/collect-bytes.ts'
import { makeLogger } from '../../src/logger.ts'
import { compareTwice, type LookNeeds } from './check-cycle.ts'
import type { Scene } from './open-scene.ts'
import { readNames } from './read-names.ts'
import type { Instance } from '../support/start-instance.ts'
import { startMigration } from './start-migration.ts'
import { takeStock } from './take-stock.ts'

const dayMs = 24 * 60 * 60 * 1000
// A drain comes by itself every minute; a mover that was killed holds its claim as long.
const mostSecondsToDrain = 240

/** Whether what was kept on the disks while S3 was out went to S3 by itself. */
export async function waitForDrain({ client }: Scene, signal: AbortSignal): Promise<string[]> {
  let waiting: string[] = []
  for (let seconds = 0; seconds < mostSecondsToDrain; seconds += 1) {
    const { versions } = await readNames(client)
    waiting = versions.filter((version) => version.isFallback).map(({ documentId }) => documentId)
    if (waiting.length === 0) return []
    await sleep(1000, undefined, { signal })
  }
  return waiting.map((id) => `document ${id} still waits on a disk, ${mostSecondsToDrain} s after S3 was back`)
}

/** Takes to S3 what migrations that were killed left on the disks; run again and again, as their claims end one by one. */
export async function migrateAll({ instances, client }: Scene, signal: AbortSignal): Promise<string[]> {
  const giveUpAt = Date.now() + mostSecondsToDrain * 1000
  for (;;) {
    const codes: (number | null)[] = []
    for (const instance of instances) codes.push(await startMigration(instance, 's3', signal).ended)
    const { versions } = await readNames(client)
    const left = versions.filter(({ place }) => !place.startsWith('s3:'))
    if (left.length === 0 && codes.every((code) => code === 0)) return []
    if (Date.now() > giveUpAt)
      return [`migrate to-s3 ends with ${codes.join()} and leaves ${left.length} documents on the disks`]
    await sleep(2000, undefined, { signal })
  }
}

/** Ends the instances as an operator does. */
export async function stopInstances({ instances }: Scene): Promise<string[]> {
  const codes = await Promise.all(instances.map((instance) => instance.stop()))
  return codes.flatMap((code, index) => (code === 0 ? [] : [`${instances[index]?.name} ended with ${code}`]))
}

/** Collects as if two days had passed, once on every disk, and finds what is still there that no version names. */
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
      ...[...stock.named].map((place) => `a row of work that never ended, still there: ${place}`),
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
  const app = await openApp(loadConfig(settings), makeLogger({ level: 'silent', isTerminal: false }))
  try {
    const now = () => new Date(Date.now() + 2 * dayMs)
    await collectBytes({ ...app, now, graceMs: 0 }, new AbortController().signal)
  } finally {
    await app.close()
  }
}
