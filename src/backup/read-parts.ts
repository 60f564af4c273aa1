import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { isMissing } from '../storage/file-store.ts'
import { BackupWrong, mostPartBytes, type Part } from './manifest.ts'
import type { PatientPlace } from './patient-place.ts'

const gunzipped = promisify(gunzip)

/** The lines of all parts, one part held at a time, each known to be what was written. Throws `BackupWrong`. */
export async function* readParts(place: PatientPlace, folder: string, parts: Part[]): AsyncGenerator<string> {
  for (const part of parts) {
    const text = await unpack(part, await place.patiently(async () => readPart(place, folder, part)))
    if (text !== '' && !text.endsWith('\n')) throw new BackupWrong(`${part.file} ends in the middle of a line`)
    for (let start = 0; start < text.length;) {
      const end = text.indexOf('\n', start)
      yield text.slice(start, end)
      start = end + 1
    }
  }
}

async function unpack({ file }: Part, bytes: Buffer): Promise<string> {
  try {
    return (await gunzipped(bytes, { maxOutputLength: mostPartBytes })).toString('utf8')
  } catch (error) {
    throw new BackupWrong(`${file} cannot be unpacked, or is far larger than any that is written`, { cause: error })
  }
}

/** A part's bytes, packed as they are. */
async function readPart(place: BackupPlace, folder: string, { file, bytes: size, sha256 }: Part): Promise<Buffer> {
  const bytes = await readWhole(place, `${folder}${file}`, size)
  if (bytes === undefined) throw new BackupWrong(`${file} is missing`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new BackupWrong(`${file} was changed or damaged`)
  return bytes
}

/** Of a manifest: 100,000 parts have room in it. */
const mostBytes = 32 * 1024 * 1024

/** A small file; undefined when it is not there. Of one that is longer than it may be no more is held; no hash fits it then. */
export async function readWhole(place: BackupPlace, name: string, most = mostBytes): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    // A place yields buffers; the type of a stream cannot say so.
    for await (const piece of (await place.read(name)) as AsyncIterable<Buffer>) {
      pieces.push(piece)
      size += piece.length
      if (size > most) break
    }
    return Buffer.concat(pieces)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
