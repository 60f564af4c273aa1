import { setTimeout as sleep } from 'node:timers/promises'

import { buildApi } from '../../../src/bin/api.ts'
import { freshBucket, type FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import type { ServiceAddresses } from '../../support/services/packages/service-addresses.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'

export const places = ['s3', 'local'] as const
export type Place = (typeof places)[number]

/** A service under test, and everything in which it can leave something. */
export type Fuzzed = TestService & { place: Place; bucket: FreshBucket; uploadsDir: string; documentTypes: string[] }

export type FuzzWorld = Record<Place, Fuzzed> & { close(): Promise<void> }

/** Shared with the platform, whose tokens are accepted. */
export const jwtSecret = 'a secret for what nobody should send'
export const maxUploadBytes = 1_000_000
/**
 * So long that a valid request on a busy machine does not reach it. A body without an end is not waited for any longer.
 */
const maxSilenceSeconds = 10

/** Two services, each with its own database: one with a bucket, one with local storage. */
export async function openFuzzWorld(addresses: ServiceAddresses): Promise<FuzzWorld> {
  await using opened = new AsyncDisposableStack()
  const bucket = await freshBucket(addresses.s3)
  opened.defer(() => bucket.remove())
  const open = async (place: Place, settings: Record<string, string>): Promise<Fuzzed> => {
    const database = await freshDatabase(addresses.postgres.adminUrl)
    opened.defer(() => database.drop())
    const service = await startService({
      ...settings,
      DATABASE_URL: database.url,
      JWT_SECRET_KEY: jwtSecret,
      MAX_UPLOAD_BYTES: String(maxUploadBytes),
    })
    opened.defer(() => service.stop())
    const server = await buildApi(service.app, { maxSilenceSeconds })
    opened.defer(() => server.close())
    const types = await service.app.db.selectFrom('document_types').select('code').execute()
    return {
      ...service,
      url: await server.listen({ host: '127.0.0.1', port: 0 }),
      place,
      bucket,
      uploadsDir: service.app.config.uploadsDir,
      documentTypes: types.map(({ code }) => code),
    }
  }
  const onS3 = await open('s3', s3Settings(bucket))
  const onDisk = await open('local', {})
  const closing = opened.move()
  return { s3: onS3, local: onDisk, close: () => closing.disposeAsync() }
}

/** Polls until the condition is true, and returns whether it became true. */
export async function comesTrue(ask: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<boolean> {
  for (const giveUpAt = Date.now() + withinMs; Date.now() < giveUpAt; await sleep(20)) if (await ask()) return true
  return ask()
}
