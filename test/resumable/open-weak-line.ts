import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Random, randomOf } from '../kill/scene/random.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { type Fault, startFaultProxy } from '../support/service/fault-proxy.ts'
import { manyAnHour } from '../support/service/many-an-hour.ts'
import { makeInstance } from '../support/service/start-instance.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'

const root = join(import.meta.dirname, '../..')

export type WeakLine = {
  /** The same installation in this process, which makes people and reads results. */
  service: TestService
  /** The address of the line, which leads to one of two instances. */
  url: string
  connections(): number
  /** The number of bytes of clients that arrived at the other end. */
  passedBytes(): number
  /** Kills the instance at the end of the line. The other one takes over; returns when the killed one runs again. */
  killAndSwitch(): Promise<void>
}

type Wish = { isOnS3: boolean; cutEveryBytes: number; seed: string }

/** Two instances with one database and one store, behind a line that breaks. */
export async function openWeakLine(
  closing: AsyncDisposableStack,
  { isOnS3, cutEveryBytes, seed }: Wish,
): Promise<WeakLine> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-weak-line-'))
  closing.defer(() => rm(folder, { recursive: true, force: true }))
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const settings = {
    ...(isOnS3 && s3Settings(bucket)),
    DATABASE_URL: database.url,
    JWT_SECRET_KEY: 'a secret that the instances share',
    MAX_UPLOAD_BYTES: '600000000',
  }
  const service = await startService(settings)
  closing.defer(() => service.stop())
  const open = async (name: string, port = 0) => {
    const env = { ...settings, ...manyAnHour, UPLOADS_DIR: service.app.config.uploadsDir, PORT: String(port) }
    const instance = await makeInstance({ name, folder: join(folder, name), root, env, onEndByItself: console.error })
    closing.defer(async () => void (await instance.kill()))
    await instance.start()
    return { instance, port }
  }
  const [firstPort, secondPort] = await findFreePorts(2)
  let atWork = await open('first', firstPort)
  let other = await open('second', secondPort)
  const proxy = await startFaultProxy({ port: atWork.port })
  closing.defer(() => proxy.close())
  const random = randomOf(seed)
  proxy.setFault(() => chooseFault(random, cutEveryBytes))
  return {
    service,
    url: `http://127.0.0.1:${proxy.port}`,
    connections: proxy.connections,
    passedBytes: proxy.passedBytes,
    async killAndSwitch() {
      const killed = atWork
      await killed.instance.kill()
      atWork = other
      other = killed
      proxy.setServer(atWork.port)
      await killed.instance.start()
    },
  }
}

const bytesPerSecond = 20_000_000

/** Of the connections 3 % are dropped, half of the others end after `cutEveryBytes`, and half at a random byte before. */
function chooseFault(random: Random, cutEveryBytes: number): Fault {
  if (random.percent(3)) return { kind: 'refuse' }
  const afterBytes = random.percent(50) ? cutEveryBytes : random.between(1, cutEveryBytes)
  return { kind: 'cut_up', afterBytes, bytesPerSecond }
}
