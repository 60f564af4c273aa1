import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { StoreError } from '../storage/file-store.ts'
import { BackupWrong } from './backup-wrong.ts'
import type { Part } from './manifest.ts'

const unpack = promisify(gunzip)

/** The lines of all parts, one part held at a time, each known to be what was written. Throws `BackupWrong`. */
export async function* readParts(place: BackupPlace, folder: string, parts: Part[]): AsyncGenerator<string> {
  for (const part of parts) {
    const text = (await unpack(await readPart(place, folder, part))).toString('utf8')
    for (let start = 0; start < text.length;) {
      const end = text.indexOf('\n', start)
      yield text.slice(start, end)
      start = end + 1
    }
  }
}

/** A part's bytes, packed as they are. */
export async function readPart(place: BackupPlace, folder: string, { file, sha256 }: Part): Promise<Buffer> {
  const bytes = await readWhole(place, `${folder}${file}`)
  if (bytes === undefined) throw new BackupWrong(`${file} is missing`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new BackupWrong(`${file} was changed or damaged`)
  return bytes
}

/** A small file; undefined when it is not there. */
export async function readWhole(place: BackupPlace, name: string): Promise<Buffer | undefined> {
  try {
    return await buffer(await place.read(name))
  } catch (error) {
    if (error instanceof StoreError && error.code === 'bytes_missing') return undefined
    throw error
  }
}
