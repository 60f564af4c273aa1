import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { Client } from 'pg'

import { type FaultProxy, startFaultProxy } from '../../support/service/fault-proxy.ts'
import { type Query, queryThrough } from '../../support/blobs/query.ts'
import { enableVersions, type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { freshDatabase } from '../../support/database/fresh-database.ts'
import { manyAnHour } from '../../support/service/many-an-hour.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import type { ServiceAddresses } from '../../support/services/packages/service-addresses.ts'
import { type Instance, makeInstance } from '../../support/service/start-instance.ts'
import { makePassableFolder } from '../../support/run/passable-folder.ts'

/** A database, a bucket, the instances of the service, and the proxies between them. */
export type Scene = {
  folder: string
  bucket: FreshBucket
  /** Directly to the database, without the proxy. */
  client: Client
  query: Query
  /** The locations in S3 where this program planted other bytes. */
  planted: Set<string>
  /** Cuts all connections to the database that go through its proxy. */
  cutDatabase: () => Promise<void>
  databaseProxy: Pick<FaultProxy, 'hangAt'>
  s3Proxy: FaultProxy
  s3Way: { isSlow: boolean }
  instances: Instance[]
  secret: string
  /** An instance's settings except its own folders. `direct`: without the proxies. */
  settings: (way: 'proxied' | 'direct') => Record<string, string>
  /** `keep`: the folder with the logs stays. */
  close(end: { keep: boolean }): Promise<void>
}

export type SceneOptions = {
  addresses: ServiceAddresses
  instances: number
  /** Whether the bucket is versioned. */
  isVersioned?: boolean
  /** Called when a service ended without a kill. */
  onEndByItself: (why: string) => void
}

const root = join(import.meta.dirname, '../../..')
const maxUploadBytes = 32 * 1024 * 1024

export async function openScene(wish: SceneOptions): Promise<Scene> {
  await using opened = new AsyncDisposableStack()
  const { s3, postgres } = wish.addresses
  const folder = await makePassableFolder('paniq-kill-')
  const bucket = await freshBucket(s3)
  opened.defer(() => bucket.remove())
  if (wish.isVersioned === true) await enableVersions(bucket)
  const database = await freshDatabase(postgres.adminUrl)
  opened.defer(() => database.drop())
  const client = new Client({ connectionString: database.url })
  await client.connect()
  opened.defer(() => client.end())
  const databaseProxy = await openProxy(opened, database.url)
  const s3Proxy = await openProxy(opened, s3.endpoint)
  let databaseCuts = 0

  const secret = randomBytes(32).toString('hex')
  const settings: Scene['settings'] = (way) => ({
    ...s3Settings(bucket, way === 'direct' ? s3.endpoint : addressThrough(s3Proxy, s3.endpoint)),
    DATABASE_URL: way === 'direct' ? database.url : addressThrough(databaseProxy, database.url),
    JWT_SECRET_KEY: secret,
    MAX_UPLOAD_BYTES: String(maxUploadBytes),
    // The firms of these tests are never approved.
    DRAFT_FIRM_BYTES: 'off',
    ...manyAnHour,
    LOG_LEVEL: 'info',
  })
  const instances: Instance[] = []
  for (let number = 1; number <= wish.instances; number += 1) {
    const name = `instance-${number}`
    const { onEndByItself } = wish
    const instance = await makeInstance({
      name,
      folder: join(folder, name),
      root,
      env: settings('proxied'),
      databaseCuts: () => databaseCuts,
      onEndByItself,
    })
    opened.defer(async () => void (await instance.kill()))
    instances.push(instance)
  }

  const closing = opened.move()
  return {
    folder,
    bucket,
    client,
    query: queryThrough(client),
    planted: new Set(),
    async cutDatabase() {
      databaseCuts += 1
      await databaseProxy.cutAll()
    },
    databaseProxy,
    s3Proxy,
    s3Way: { isSlow: false },
    instances,
    secret,
    settings,
    async close({ keep }) {
      await closing.disposeAsync()
      if (!keep) await rm(folder, { recursive: true, force: true })
    },
  }
}

async function openProxy(opened: AsyncDisposableStack, address: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(address)
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
    throw new Error(`${hostname} is another machine; this puts load on services of this one alone.`)
  const proxy = await startFaultProxy({ host: hostname, port: Number(port) })
  opened.defer(() => proxy.close())
  return proxy
}

function addressThrough(proxy: FaultProxy, address: string): string {
  const through = new URL(address)
  through.host = `127.0.0.1:${proxy.port}`
  return through.href.replace(/\/$/, '')
}
