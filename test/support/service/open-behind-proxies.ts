import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { firmWithAdmin } from './firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../s3/fresh-bucket.ts'
import { freshMigratedDatabase } from '../database/fresh-database.ts'
import type { Person } from '../people/people.ts'
import { s3Settings } from '../s3/s3-settings.ts'
import { startService, type TestService } from './start-service.ts'

/** Its settings bypass the proxy. */
export type ItsDatabase = { settings: { DATABASE_URL: string }; remove(): Promise<void> }

export type BehindProxies = {
  bucket: FreshBucket
  database: ItsDatabase
  toS3: FaultProxy
  toDatabase: FaultProxy
  service: TestService
  firm: FirmId
  admin: Person
}

/** A service with proxies before its database and its S3, and a firm with its administrator. */
export async function openBehindProxies(
  closing: AsyncDisposableStack,
  settings: Record<string, string> = {},
  openDatabase: () => Promise<ItsDatabase> = databaseOfOneRole,
): Promise<BehindProxies> {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const database = await openDatabase()
  closing.defer(() => database.remove())
  const address = new URL(database.settings.DATABASE_URL)
  const toDatabase = await startProxyTo(address)
  closing.defer(() => toDatabase.close())
  const toS3 = await startProxyTo(new URL(bucket.s3.endpoint))
  closing.defer(() => toS3.close())
  const service = await startService({
    ...s3Settings(bucket, `http://127.0.0.1:${toS3.port}`),
    ...database.settings,
    DATABASE_URL: Object.assign(address, { host: `127.0.0.1:${toDatabase.port}` }).href,
    ...settings,
  })
  closing.defer(() => service.stop())
  return { bucket, database, toS3, toDatabase, service, ...(await firmWithAdmin(service)) }
}

async function databaseOfOneRole(): Promise<ItsDatabase> {
  const { url, drop } = await freshMigratedDatabase()
  return { settings: { DATABASE_URL: url }, remove: drop }
}

function startProxyTo({ hostname, port }: URL): Promise<FaultProxy> {
  return startFaultProxy({ host: hostname, port: Number(port) })
}
