import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, gzip } from 'node:zlib'

import { filesToBackUp } from '../database/backup/files-to-back-up.ts'
import type { Snapshot } from '../database/backup/snapshot.ts'
import { splitLines } from '../files-split-lines.ts'
import type { Spool } from '../storage/spool.ts'
import { type NamedFile, namedFileForm } from './manifest.ts'
import type { Underway } from './underway.ts'

const pack = promisify(gzip)
const linesAtOnce = 1000

/** The files that a snapshot names, kept on this disk, so that the database need not be held still while they are copied. */
export type ListedFiles = {
  total: { files: number; bytes: number }
  read(): AsyncGenerator<NamedFile, undefined>
  remove(): Promise<void>
}

export async function listFiles(
  snapshot: Pick<Snapshot, 'rowsOfQuery'>,
  spool: Spool,
  { signal, onMove }: Underway,
): Promise<ListedFiles> {
  const file = await spool.open()
  const total = { files: 0, bytes: 0 }
  let lines: string[] = []
  // Packed pieces one after the other are one packed file.
  const flush = async () => {
    await file.append(await pack(lines.splice(0).join('')))
  }
  try {
    for await (const line of snapshot.rowsOfQuery(filesToBackUp)) {
      signal.throwIfAborted()
      onMove()
      total.files += 1
      total.bytes += namedFileForm.parse(JSON.parse(line)).size
      lines.push(`${line}\n`)
      if (lines.length >= linesAtOnce) await flush()
    }
    await flush()
  } catch (error) {
    await file.remove()
    throw error
  }
  const { content } = file
  return { total, read: () => readFiles(content.path), remove: () => file.remove() }
}

async function* readFiles(path: string): AsyncGenerator<NamedFile, undefined> {
  // What goes wrong at either end comes out of the last, and so to whoever reads.
  const text = pipeline(createReadStream(path), createGunzip(), () => undefined).setEncoding('utf8')
  // With an encoding it yields text; the type of a stream cannot say so.
  for await (const line of splitLines(text as AsyncIterable<string>)) yield namedFileForm.parse(JSON.parse(line))
  return undefined
}
