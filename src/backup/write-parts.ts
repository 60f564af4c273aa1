import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { Sha256 } from '../vocabulary.ts'
import type { Part } from './manifest.ts'

const pack = promisify(gzip)

/** Held at once, and written in one piece: a part is read as a whole too. */
const partCharacters = 16 * 1024 * 1024

export type Parts = { rows: number; parts: Part[] }

/** Takes lines, also from several hands at once, and writes them into a backup, packed, a part at a time. `name`: what the parts are called, below the folder. */
export function makePartWriter(place: BackupPlace, folder: string, name: string) {
  const parts: Part[] = []
  let begun = 0
  let lines: string[] = []
  let characters = 0

  async function flush(): Promise<void> {
    const taken = lines
    if (taken.length === 0) return
    lines = []
    characters = 0
    begun += 1
    const index = begun
    const bytes = await pack(taken.join(''))
    const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // hex of a SHA-256 is what the brand says
    const file = `${name}.${String(index).padStart(4, '0')}.jsonl.gz`
    await place.write(`${folder}${file}`, { bytes, sha256 })
    parts[index - 1] = { file, rows: taken.length, bytes: bytes.length, sha256 }
  }

  return {
    async add(line: string): Promise<void> {
      lines.push(`${line}\n`)
      characters += line.length + 1
      if (characters >= partCharacters) await flush()
    },
    /** Once all that was added is on its way. */
    async end(): Promise<Parts> {
      await flush()
      return { rows: parts.reduce((sum, { rows }) => sum + rows, 0), parts }
    },
  }
}
