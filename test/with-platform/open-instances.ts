import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { freshPlatformDatabase, type PlatformDatabase } from '../support/platform/platform-database.ts'
import type { PlatformFiles } from '../support/platform/platform-documents.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { startNginx } from '../support/services/programs/nginx.ts'
import type { ServiceAddresses } from '../support/services/packages/service-addresses.ts'
import { type Instance, makeInstance } from '../support/service/start-instance.ts'
import { nginxOfTheDocs } from './nginx-of-the-docs.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

/** The platform's database, a bucket, and two instances behind nginx as on the page for the platform's engineer. */
export type Beside = {
  /** The address of nginx, which distributes requests. */
  url: string
  instances: [Instance, Instance]
  bucket: FreshBucket
  /** The platform's own connection to its database. */
  platform: PlatformDatabase['platform']
  ownerUrl: string
  /** The secret with which the platform signs tokens. */
  secret: string
  folder: string
  /**
   * `upstreams`: a line for each request, with all upstreams that nginx tried and their answers. `errors`: its error
   * log.
   */
  nginxLogs: { upstreams: string; errors: string }
  /** `keep`: the folder with the logs stays. */
  close(end?: { keep: boolean }): Promise<void>
}

export type BesideOptions = {
  addresses: ServiceAddresses
  settings?: Record<string, string>
  /** Whether both have one local disk. */
  sharesDisk?: boolean
  /** The platform's rows and files from before the service. */
  prepare?: (platform: PlatformDatabase['platform'], files: PlatformFiles) => Promise<void>
}

const root = join(import.meta.dirname, '../..')

export async function openBeside({ addresses, settings = {}, sharesDisk, prepare }: BesideOptions): Promise<Beside> {
  await using opened = new AsyncDisposableStack()
  const folder = await makePassableFolder('paniq-beside-')
  const bucket = await freshBucket(addresses.s3)
  opened.defer(() => bucket.remove())
  const database = await freshPlatformDatabase(addresses.postgres.adminUrl)
  opened.defer(() => database.remove())
  const uploadsDir = join(folder, 'uploads')
  await prepare?.(database.platform, { bucket, uploadsDir })

  const secret = randomBytes(32).toString('hex')
  const env = {
    ...s3Settings(bucket),
    ...database.settings,
    JWT_SECRET_KEY: secret,
    TRUST_PROXY: '1',
    ...(sharesDisk && { UPLOADS_DIR: uploadsDir }),
    ...settings,
  }
  const [port = 0, first = 0, second = 0] = await findFreePorts(3)
  const make = async (name: string, itsPort: number): Promise<Instance> => {
    const itsFolder = join(folder, name)
    const instance = await makeInstance({
      name,
      folder: itsFolder,
      root,
      env: { ...env, PORT: String(itsPort) },
      onEndByItself: (why) => console.error(why),
    })
    opened.defer(async () => void (await instance.kill()))
    return instance
  }
  const instances: Beside['instances'] = [await make('first', first), await make('second', second)]
  // Started at once, as after a reboot: one of them migrates.
  await Promise.all(instances.map((each) => each.start()))

  const upstreams = [first, second].map((each) => `127.0.0.1:${each}`)
  const nginx = await startNginx({ folder: join(folder, 'nginx'), port, http: await allToUs(folder, port, upstreams) })
  opened.defer(() => nginx.stop())

  const closing = opened.move()
  return {
    url: `http://127.0.0.1:${port}`,
    instances,
    bucket,
    platform: database.platform,
    ownerUrl: database.settings.DATABASE_OWNER_URL,
    secret,
    folder,
    nginxLogs: { upstreams: upstreamLogOf(folder), errors: join(folder, 'nginx/error.log') },
    async close({ keep } = { keep: false }) {
      await closing.disposeAsync()
      if (!keep) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The page's lines. Calls for the platform reach the service too, since there is no platform here. */
async function allToUs(folder: string, port: number, upstreams: string[]): Promise<string> {
  const { http, server } = await nginxOfTheDocs({ folder: join(folder, 'nginx'), upstreams })
  return `${http}
log_format upstreams '$upstream_addr $upstream_status';
server {
  listen 127.0.0.1:${port};
  access_log ${upstreamLogOf(folder)} upstreams;
  ${server}
  location / {
    proxy_pass http://paniq_documents;
    proxy_http_version 1.1;
    proxy_set_header Connection close;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
  }
}`
}

function upstreamLogOf(folder: string): string {
  return join(folder, 'nginx/upstreams.log')
}
