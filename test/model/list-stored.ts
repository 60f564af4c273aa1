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

const quarantine = 'quarantine'
const folderOf = (firm: FirmId) => `security_firms/${firm}`

/** All that lies of a firm’s, also what is not finished, and what is in quarantine. A history makes far less than one page of it. */
export async function listStored({ bucket, uploadsDir }: Places, firm: FirmId): Promise<Stored[]> {
  const asked = { Bucket: bucket.name, Prefix: `${folderOf(firm)}/` }
  const { Contents = [] } = await bucket.client.send(new ListObjectsV2Command(asked))
  const aside = await bucket.client.send(new ListObjectsV2Command({ Bucket: bucket.name, Prefix: `${quarantine}/` }))
  const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand(asked))
  const keys = [...Contents, ...(aside.Contents ?? [])].map(({ Key: key = '' }) => key)
  const isFirms = (key: string) => key.includes(`${folderOf(firm)}/`)
  return [
    ...keys.filter(isFirms).map((key) => ({ store: 's3' as const, key })),
    ...Uploads.map(({ Key: key = '', UploadId: multipartId }) => ({ store: 's3' as const, key, multipartId })),
    ...(await listFiles(uploadsDir, folderOf(firm))),
    ...(await listFiles(uploadsDir, quarantine)).filter(({ key }) => isFirms(key)),
  ]
}

async function listFiles(uploadsDir: string, folder: string): Promise<Stored[]> {
  const files = (await listFolder(join(uploadsDir, folder))).filter(({ kind }) => kind !== 'folder')
  return files.map(({ path }) => ({ store: 'local' as const, key: `${folder}/${path}` }))
}

/** So that thousands of histories fit into a store in memory, and none is seen by the next. */
export async function removeStored(world: Places, firm: FirmId): Promise<void> {
  const { client, name: Bucket } = world.bucket
  const each = (await listStored(world, firm)).map(async ({ store, key: Key, multipartId: UploadId }) => {
    if (store === 'local') await rm(join(world.uploadsDir, Key), { force: true })
    else if (UploadId === undefined) await client.send(new DeleteObjectCommand({ Bucket, Key }))
    else await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
  })
  await Promise.all(each)
  await rm(join(world.uploadsDir, folderOf(firm)), { recursive: true, force: true })
}
