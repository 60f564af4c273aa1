import type { StoredVersion } from '../../database/versions-in-store.ts'
import { type FileStore, StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/read-as-it-grows.ts'
import type { Sha256 } from '../../vocabulary.ts'
import { hashStored } from '../moving/hash-stored.ts'

export type Look =
  /** As its row says; `sha256` where the bytes were read. */
  | { kind: 'right'; sha256?: Sha256 }
  | { kind: 'missing' | 'wrong'; why: string }
  | { kind: 'unchecked'; why: string; error: StoreError }

type How = { reads: boolean; signal: AbortSignal }

/**
 * What lies where a version's row says. What is not right is looked at a second time, since a paper is taken from people
 * for it: one wrong answer of a store or of a line is not enough.
 */
export async function lookAtBytes(store: FileStore, version: StoredVersion, how: How): Promise<Look> {
  const first = await lookOnce(store, version, how)
  return first.kind === 'missing' || first.kind === 'wrong' ? lookOnce(store, version, how) : first
}

async function lookOnce(store: FileStore, version: StoredVersion, how: How): Promise<Look> {
  try {
    // A store that keeps silent does not keep whoever was told to end.
    return await untilAborted(how.reads ? read(store, version, how.signal) : ask(store, version), how.signal)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'bytes_missing') return missing
    return { kind: 'unchecked', why: `could not be read: ${error.message}`, error }
  }
}

async function read(store: FileStore, version: StoredVersion, signal: AbortSignal): Promise<Look> {
  const found = await hashStored(store, version.key, signal)
  if (found.size !== version.fileSize) return wrongSize(found.size, version)
  if (version.sha256 !== null && found.sha256 !== version.sha256)
    return { kind: 'wrong', why: `its SHA-256 is ${found.sha256} instead of ${version.sha256}` }
  return { kind: 'right', sha256: found.sha256 }
}

async function ask(store: FileStore, version: StoredVersion): Promise<Look> {
  const stat = await store.stat(version.key)
  if (stat === undefined) return missing
  return stat.size === version.fileSize ? { kind: 'right' } : wrongSize(stat.size, version)
}

const missing: Look = { kind: 'missing', why: 'there is no file under its key' }

function wrongSize(size: number, { fileSize }: StoredVersion): Look {
  return { kind: 'wrong', why: `it has ${size} bytes instead of ${fileSize}` }
}
