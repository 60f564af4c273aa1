import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Query } from '../../support/blobs/query.ts'
import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { type FolderEntry, listBucket, listFolder } from '../../support/s3/list-everything.ts'
import { type Names, readNames } from './read-names.ts'

/** The contents of bucket and folders, and the rows about them. A location is `store:key`. */
export type Stock = Names & {
  /** Current objects and files. */
  sizes: Map<string, number>
  /** Old versions and delete markers of a versioned bucket. */
  hidden: Set<string>
  markers: Set<string>
  /** Unfinished multipart uploads of S3: location by id. */
  unfinished: Map<string, string>
  /** Files of unfinished work, which no row names. A start removes them when they are a day old. */
  leftovers: string[]
  /** Bytes that this program planted, which the service's collector does not know. */
  planted: ReadonlySet<string>
  /** Misplaced files. */
  orphans: string[]
}

export type StockNeeds = {
  planted: ReadonlySet<string>
  query: Query
  bucket: FreshBucket
  disks: { uploadsDir: string; dataDir: string }[]
}

export async function takeStock({ query, bucket, disks, planted }: StockNeeds): Promise<Stock> {
  const found: Found = {
    sizes: new Map(),
    hidden: new Set(),
    markers: new Set(),
    unfinished: new Map(),
    leftovers: [],
    orphans: [],
  }
  await listS3(bucket, found)
  for (const disk of disks) await listDisk(disk, found)
  return { ...found, planted, ...(await readNames(query)) }
}

type Found = Pick<Stock, 'sizes' | 'hidden' | 'markers' | 'unfinished' | 'leftovers' | 'orphans'>

const documents = 'security_firms/'
/** The owner file of the bucket or the disk. */
const installationKey = 'paniq-documents.json'

async function listS3({ client, name }: FreshBucket, found: Found): Promise<void> {
  for (const thing of await listBucket(client, name)) {
    const place = `s3:${thing.key}`
    if (thing.kind === 'unfinished_upload') found.unfinished.set(thing.uploadId, place)
    else if (thing.key === installationKey) continue
    else if (!thing.key.startsWith(documents)) found.orphans.push(place)
    else if (thing.kind === 'delete_marker') found.markers.add(place)
    else if (thing.isCurrent) found.sizes.set(place, thing.size)
    else found.hidden.add(place)
  }
}

async function listDisk({ uploadsDir, dataDir }: StockNeeds['disks'][number], found: Found): Promise<void> {
  const storeId = (await readFile(join(uploadsDir, '.store-id'), 'utf8').catch(() => 'none yet')).trim()
  for (const { path, size } of await listFiles(uploadsDir)) {
    if (path === '.store-id' || path === installationKey) continue
    if (path.startsWith(documents)) found.sizes.set(`${storeId}:${path}`, size)
    else if (path.startsWith('.incoming-')) found.leftovers.push(join(uploadsDir, path))
    else found.orphans.push(join(uploadsDir, path))
  }
  for (const { path } of await listFiles(dataDir)) {
    if (path.startsWith('spool/spool-')) found.leftovers.push(join(dataDir, path))
    else found.orphans.push(join(dataDir, path))
  }
}

async function listFiles(folder: string): Promise<FolderEntry[]> {
  return (await listFolder(folder)).filter(({ kind }) => kind !== 'folder')
}
