import type { Sha256, StorageKey } from '../vocabulary.ts'
import type { FileStat } from './file-store.ts'

/** The ETag and version id of an answer. */
export function storedAs(answer: { ETag?: string | undefined; VersionId?: string | undefined }) {
  return {
    ...etagOf(answer),
    ...(answer.VersionId === undefined ? {} : { objectVersionId: answer.VersionId }),
  }
}

type Head = {
  ContentLength?: number | undefined
  LastModified?: Date | undefined
  ETag?: string | undefined
  ContentType?: string | undefined
  Metadata?: Record<string, string> | undefined
}

export function statOf(key: StorageKey, head: Head): FileStat {
  const sha256 = head.Metadata?.['sha256']
  return {
    key,
    size: head.ContentLength ?? 0,
    modifiedAt: head.LastModified ?? new Date(0),
    ...etagOf(head),
    ...(head.ContentType === undefined ? {} : { contentType: head.ContentType }),
    // We wrote it there; an object of anybody else's under such a key would be caught by comparing its bytes.
    ...(sha256 === undefined ? {} : { sha256: sha256 as Sha256 }),
  }
}

// Some stores quote it in one answer and not in the next; without quotes it can be compared.
function etagOf({ ETag: etag }: { ETag?: string | undefined }) {
  return etag === undefined ? {} : { etag: etag.replaceAll('"', '') }
}
