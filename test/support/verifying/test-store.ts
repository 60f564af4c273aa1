import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'

import type { FreshBucket } from '../s3/fresh-bucket.ts'
import type { TestService } from '../service/start-service.ts'

/** Direct access to a store without the service, as for a person at the machine or in the bucket. */
export type StoreInHand = {
  get(key: string): Promise<Buffer | undefined>
  put(key: string, bytes: Buffer): Promise<void>
  remove(key: string): Promise<void>
}

export function diskInHand(service: TestService): StoreInHand {
  const pathOf = (key: string) => join(service.folder, 'uploads', key)
  return {
    get: (key) => readFile(pathOf(key)).catch(() => undefined),
    async put(key, bytes) {
      await mkdir(dirname(pathOf(key)), { recursive: true })
      await writeFile(pathOf(key), bytes)
    },
    remove: (key) => rm(pathOf(key)),
  }
}

export function bucketInHand({ client, name: Bucket }: FreshBucket): StoreInHand {
  return {
    async get(Key) {
      const answer = await client.send(new GetObjectCommand({ Bucket, Key })).catch(() => undefined)
      const bytes = await answer?.Body?.transformToByteArray()
      return bytes && Buffer.from(bytes)
    },
    async put(Key, Body) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }))
    },
    async remove(Key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key }))
    },
  }
}
