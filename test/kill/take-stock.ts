import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Client } from 'pg'

import type { FreshBucket } from '../support/fresh-bucket.ts'
import { type FolderEntry, listBucket, listFolder } from '../support/list-everything.ts'
import { readNames, type VersionRow } from './read-names.ts'

/** Everything that lies in bucket and folders beside everything that the rows say of it, a place being `store:key`. */
export type Stock = {
  sizes: Map<string, number>
  /** Unfinished multipart uploads of S3: place by id. */
  unfinished: Map<string, string>
  /** Files of unfinished work, which no row names: a start removes them when they are a day old. */
  leftovers: string[]
  /** What this program put there itself, which is no business of the service's collector. */
  planted: ReadonlySet<string>
  /** What has no business where it lies. */
  strays: string[]
  versions: VersionRow[]
  /** Places that an open upload, a move or a removal names. */
  named: Set<string>
  multipartIds: Set<string>
}

export type StockNeeds = {
  planted: ReadonlySet<string>
  client: Client
  bucket: FreshBucket
  disks: { uploadsDir: string; dataDir: string }[]
}

export async function takeStock({ client, bucket, disks, planted }: StockNeeds): Promise<Stock> {
  const lying = { sizes: new Map(), unfinished: new Map(), leftovers: [], strays: [] }
  await listS3(bucket, lying)
  for (const disk of disks) await listDisk(disk, lying)
  return { ...lying, planted, ...(await readNames(client)) }
}

type Lying = Pick<Stock, 'sizes' | 'unfinished' | 'leftovers' | 'strays'>

const papers = 'security_firms/'
/** Says whose bucket, or disk, it is. */
const installationKey = 'paniq-documents.json'

async function listS3({ client, name }: FreshBucket, lying: Lying): Promise<void> {
  for (const thing of await listBucket(client, name)) {
    const place = `s3:${thing.key}`
    if (thing.kind === 'unfinished_upload') lying.unfinished.set(thing.uploadId, place)
    else if (thing.kind === 'object' && thing.key.startsWith(papers)) lying.sizes.set(place, thing.size)
    else if (thing.key !== installationKey) lying.strays.push(place)
  }
}

async function listDisk({ uploadsDir, dataDir }: StockNeeds['disks'][number], lying: Lying): Promise<void> {
  const storeId = (await readFile(join(uploadsDir, '.store-id'), 'utf8').catch(() => 'none yet')).trim()
  for (const { path, size } of await listFiles(uploadsDir)) {
    if (path === '.store-id' || path === installationKey) continue
    if (path.startsWith(papers)) lying.sizes.set(`${storeId}:${path}`, size)
    else if (path.startsWith('.incoming-')) lying.leftovers.push(join(uploadsDir, path))
    else lying.strays.push(join(uploadsDir, path))
  }
  for (const { path } of await listFiles(dataDir)) {
    if (path.startsWith('spool/spool-')) lying.leftovers.push(join(dataDir, path))
    else lying.strays.push(join(dataDir, path))
  }
}

async function listFiles(folder: string): Promise<FolderEntry[]> {
  return (await listFolder(folder)).filter(({ kind }) => kind !== 'folder')
}
