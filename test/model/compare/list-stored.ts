import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3'

import type { FirmId, StoreName } from '../../../src/vocabulary/vocabulary.ts'
import { listFolder } from '../../support/s3/list-everything.ts'
import type { World } from '../state/world.ts'

export type Stored = { store: StoreName; key: string } & (
  | { kind: 'current' | 'hidden' | 'marker'; versionId?: string }
  | { kind: 'unfinished'; multipartId: string }
)

type Places = Pick<World, 'bucket' | 'uploadsDir'>

const quarantine = 'quarantine'
const folderOf = (firm: FirmId) => `security_firms/${firm}`

/**
 * Lists everything of a firm in both stores, including old versions, delete markers, unfinished uploads and quarantined
 * files. A history creates far less than one page.
 */
export async function listStored({ bucket, uploadsDir }: Places, firm: FirmId): Promise<Stored[]> {
  const folder = folderOf(firm)
  const listed = await Promise.all([`${folder}/`, `${quarantine}/`].map((prefix) => listVersions(bucket, prefix)))
  const asked = { Bucket: bucket.name, Prefix: `${folder}/` }
  const { Uploads = [] } = await bucket.client.send(new ListMultipartUploadsCommand(asked))
  const files = [...(await listFiles(uploadsDir, folder)), ...(await listFiles(uploadsDir, quarantine))]
  return [
    ...[...listed.flat(), ...files].filter(({ key }) => key.includes(`${folder}/`)),
    ...Uploads.map(({ Key: key = '', UploadId: multipartId = '' }) => {
      return { store: 's3' as const, kind: 'unfinished' as const, key, multipartId }
    }),
  ]
}

async function listVersions({ client, name }: World['bucket'], prefix: string): Promise<Stored[]> {
  const page = await client.send(new ListObjectVersionsCommand({ Bucket: name, Prefix: prefix }))
  if (page.IsTruncated === true) throw new Error('a history made more than one page of objects')
  const store = 's3'
  return [
    ...(page.Versions ?? []).map(({ Key: key = '', VersionId: versionId = 'null', IsLatest = true }) => {
      return { store, kind: IsLatest ? 'current' : 'hidden', key, versionId } as const
    }),
    ...(page.DeleteMarkers ?? []).map(({ Key: key = '', VersionId: versionId = 'null' }) => {
      return { store, kind: 'marker', key, versionId } as const
    }),
  ]
}

async function listFiles(uploadsDir: string, folder: string): Promise<Stored[]> {
  const files = (await listFolder(join(uploadsDir, folder))).filter(({ kind }) => kind !== 'folder')
  return files.map(({ path }) => ({ store: 'local', kind: 'current', key: `${folder}/${path}` }))
}

/** Allows thousands of histories in a store in memory, and hides each from the next. */
export async function removeStored(world: Places, firm: FirmId): Promise<void> {
  const { client, name: Bucket } = world.bucket
  const stored = await listStored(world, firm)
  const objects: { Key: string; VersionId: string }[] = []
  for (const each of stored) {
    if (each.store === 'local') await rm(join(world.uploadsDir, each.key), { force: true })
    else if (each.kind !== 'unfinished') objects.push({ Key: each.key, VersionId: each.versionId ?? 'null' })
    else await client.send(new AbortMultipartUploadCommand({ Bucket, Key: each.key, UploadId: each.multipartId }))
  }
  if (objects.length > 0)
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: objects, Quiet: true } }))
  await rm(join(world.uploadsDir, folderOf(firm)), { recursive: true, force: true })
}
