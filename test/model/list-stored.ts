import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'

import type { FirmId, StoreName } from '../../src/vocabulary.ts'
import { listFolder } from '../support/list-everything.ts'
import type { World } from './world.ts'

export type Stored = { store: StoreName; key: string; multipartId?: string | undefined }

type Places = Pick<World, 'bucket' | 'uploadsDir'>

const folderOf = (firm: FirmId) => `security_firms/${firm}`

/** All that lies of a firm’s, also what is not finished. A history makes far less than one page of it. */
export async function listStored({ bucket, uploadsDir }: Places, firm: FirmId): Promise<Stored[]> {
  const asked = { Bucket: bucket.name, Prefix: `${folderOf(firm)}/` }
  const { Contents = [] } = await bucket.client.send(new ListObjectsV2Command(asked))
  const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand(asked))
  const files = (await listFolder(join(uploadsDir, folderOf(firm)))).filter(({ kind }) => kind !== 'folder')
  return [
    ...Contents.map(({ Key: key = '' }) => ({ store: 's3' as const, key })),
    ...Uploads.map(({ Key: key = '', UploadId: multipartId }) => ({ store: 's3' as const, key, multipartId })),
    ...files.map(({ path }) => ({ store: 'local' as const, key: `${folderOf(firm)}/${path}` })),
  ]
}

/** So that thousands of histories fit into a store in memory, and none is seen by the next. */
export async function removeStored(world: Places, firm: FirmId): Promise<void> {
  const { client, name: Bucket } = world.bucket
  const inBucket = (await listStored(world, firm)).filter(({ store }) => store === 's3')
  const each = inBucket.map(async ({ key: Key, multipartId: UploadId }) =>
    UploadId === undefined
      ? client.send(new DeleteObjectCommand({ Bucket, Key }))
      : client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })),
  )
  await Promise.all(each)
  await rm(join(world.uploadsDir, folderOf(firm)), { recursive: true, force: true })
}
