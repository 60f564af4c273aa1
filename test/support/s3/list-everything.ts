import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'

import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'

export type StoredThing =
  /** `isCurrent`: the current object, not an old version. */
  | { kind: 'object'; key: string; versionId: string; size: number; etag: string; isCurrent: boolean }
  | { kind: 'delete_marker'; key: string; versionId: string }
  | { kind: 'unfinished_upload'; key: string; uploadId: string }

/**
 * Everything in a bucket, including older versions, delete markers and unfinished multipart uploads. Always in the same
 * order, so that two listings can be compared. Needs the owner's permissions.
 */
export async function listBucket(client: S3Client, bucket: string): Promise<StoredThing[]> {
  const things = [...(await listVersions(client, bucket)), ...(await listUnfinishedUploads(client, bucket))]
  return things.toSorted((a, b) => compare(sortKey(a), sortKey(b)))
}

export type FolderEntry = { path: string; kind: 'file' | 'folder' | 'link' | 'other'; size: number; mode: number }

/** All files below a folder, including hidden ones, by path relative to it; empty if there is no such folder. */
export async function listFolder(folder: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = []
  for (const entry of await readFolder(folder)) {
    const path = join(entry.parentPath, entry.name)
    const stat = await lstat(path).catch(nothingWhenAbsent)
    // Removed between the two reads.
    if (stat === undefined) continue
    const kind = kindOf(entry)
    // A folder's own size depends on the file system, not on its contents.
    const size = kind === 'file' ? stat.size : 0
    entries.push({ path: relative(folder, path), kind, size, mode: stat.mode & 0o777 })
  }
  return entries.toSorted((a, b) => compare(a.path, b.path))
}

async function listVersions(client: S3Client, bucket: string): Promise<StoredThing[]> {
  const things: StoredThing[] = []
  let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {}
  while (from) {
    const page: ListObjectVersionsCommandOutput = await client.send(
      new ListObjectVersionsCommand({ Bucket: bucket, ...from }),
    )
    things.push(...thingsOf(page))
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined
  }
  return things
}

function thingsOf(page: ListObjectVersionsCommandOutput): StoredThing[] {
  const objects = (page.Versions ?? []).map(
    ({ Key: key = '', VersionId: versionId = 'null', Size: size = 0, ETag: etag = '', IsLatest: isCurrent = true }) =>
      ({ kind: 'object', key, versionId, size, etag, isCurrent }) as const,
  )
  const markers = (page.DeleteMarkers ?? []).map(
    ({ Key: key = '', VersionId: versionId = 'null' }) => ({ kind: 'delete_marker', key, versionId }) as const,
  )
  return [...objects, ...markers]
}

async function listUnfinishedUploads(client: S3Client, bucket: string): Promise<StoredThing[]> {
  const things: StoredThing[] = []
  let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {}
  while (from) {
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, ...from }),
    )
    for (const { Key: key = '', UploadId: uploadId = '' } of page.Uploads ?? [])
      things.push({ kind: 'unfinished_upload', key, uploadId })
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined
  }
  return things
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    return nothingWhenAbsent(error) ?? []
  }
}

function nothingWhenAbsent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): FolderEntry['kind'] {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  return entry.isSymbolicLink() ? 'link' : 'other'
}

function sortKey(thing: StoredThing): string {
  return [thing.key, thing.kind, thing.kind === 'unfinished_upload' ? thing.uploadId : thing.versionId].join('\n')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
