import { join } from 'node:path'

import { openApp } from '../src/app.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { createLogger } from '../src/logging/logger.ts'
import type { FirmId } from '../src/vocabulary/vocabulary.ts'
import { makeFirm, makePerson } from '../test/support/people/people.ts'
import { seedDocuments, defaultSizes } from '../test/support/documents/seed-documents.ts'
import { ensureInstalled, findProgram } from '../test/support/services/packages/install-packages.ts'
import { type Spread, spreadOf } from './figures/measure.ts'
import { type Bench, emptyBucket } from './load/prepare.ts'
import { secondsOf } from './figures/seconds-of.ts'
import { type Service, startService } from './load/start-service.ts'

export type MigrateResult = {
  files: number
  bytes: number
  atOnce: number
  serviceSeconds: Spread
  rcloneSeconds: Spread
  /** Our time divided by rclone's, round by round. */
  timesRclone: Spread
}

const defaultFileCount = 10_000
const atOnce = 8

/**
 * `migrate to-s3` against `rclone copy` and `rclone check --download`, which together give the same guarantee: every file is
 * copied, and every byte read back. They take turns with the same files, S3 and concurrency.
 */
export async function benchMigrate(bench: Bench): Promise<MigrateResult> {
  await requireRclone()
  const files = Math.round(defaultFileCount * bench.share)
  const service = await startService(bench, { maxUploadBytes: 10_000_000 })
  try {
    const rounds: { bytes: number; ours: number; theirs: number }[] = []
    for (let round = 0; round < Math.min(bench.rounds, 3); round += 1) {
      const { firmId, bytes } = await seedFirm(service, files)
      bench.print(`Migrating ${files} files, ${Math.round(bytes / 1e6)} MB, round ${round + 1}.`)
      const contenders = [() => migrateOurs(bench, service, firmId), () => migrateWithRclone(bench, service, firmId)]
      const seconds = [0, 0]
      for (const offset of [0, 1]) {
        const turn = (round + offset) % 2
        seconds[turn] = (await contenders[turn]?.()) ?? 0
        await emptyBucket(bench.bucket)
      }
      rounds.push({ bytes, ours: seconds[0] ?? 0, theirs: seconds[1] ?? 0 })
    }
    return {
      files,
      bytes: rounds[0]?.bytes ?? 0,
      atOnce,
      serviceSeconds: spreadOf(rounds.map(({ ours }) => ours)),
      rcloneSeconds: spreadOf(rounds.map(({ theirs }) => theirs)),
      timesRclone: spreadOf(rounds.map(({ ours, theirs }) => ours / theirs)),
    }
  } finally {
    await service.stop()
  }
}

async function requireRclone(): Promise<void> {
  await ensureInstalled([
    { service: 'rclone', packages: ['rclone'], aboutMegabytes: 60, variables: [], missing: missingPrograms },
  ])
}

async function missingPrograms(): Promise<string[]> {
  return (await findProgram('rclone')) === undefined ? ['rclone'] : []
}

/** Creates documents of a new firm on the service's disk for one round. */
async function seedFirm({ env }: Service, files: number): Promise<{ firmId: FirmId; bytes: number }> {
  const app = await openApp(loadConfig(env), createLogger({ level: 'silent', isTerminal: false }))
  try {
    const firmId = await makeFirm(app)
    const { id: uploadedBy } = await makePerson(app)
    const { storeId } = app.stores.local
    const ground = { db: app.db, uploadsDir: app.config.uploadsDir, storeId, firmId, uploadedBy }
    const seeded = await seedDocuments(ground, defaultSizes(files))
    return { firmId, bytes: seeded.reduce((sum, { size }) => sum + size, 0) }
  } finally {
    await app.close()
  }
}

async function migrateOurs({ signal }: Bench, { env, folder }: Service, firmId: FirmId): Promise<number> {
  const command = join(import.meta.dirname, '../bin/paniq-docs')
  const words = ['migrate', 'to-s3', '--firm', firmId, '--concurrency', String(atOnce)]
  return secondsOf({ command, words, env, folder, signal })
}

async function migrateWithRclone({ signal, bucket }: Bench, { env, folder }: Service, firmId: FirmId): Promise<number> {
  const source = join(env['UPLOADS_DIR'] ?? '', 'security_firms', firmId)
  const target = `s3:${bucket.name}/rclone/${firmId}`
  const rclone = (words: string[]) =>
    secondsOf({ command: 'rclone', words: [...words, '--quiet'], env: rcloneSettings(env), folder, signal })
  const copying = await rclone(['copy', source, target, '--transfers', String(atOnce), '--checkers', String(atOnce)])
  return copying + (await rclone(['check', source, target, '--download', '--checkers', String(atOnce)]))
}

function rcloneSettings(env: Record<string, string>): Record<string, string> {
  return {
    RCLONE_CONFIG_S3_TYPE: 's3',
    RCLONE_CONFIG_S3_PROVIDER: 'Ceph',
    RCLONE_CONFIG_S3_ACCESS_KEY_ID: env['AWS_ACCESS_KEY_ID'] ?? '',
    RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    RCLONE_CONFIG_S3_ENDPOINT: env['AWS_ENDPOINT_URL_S3'] ?? '',
    RCLONE_CONFIG_S3_REGION: env['AWS_REGION_NAME'] ?? '',
    // The service's key may not check that the bucket exists.
    RCLONE_CONFIG_S3_NO_CHECK_BUCKET: 'true',
  }
}
