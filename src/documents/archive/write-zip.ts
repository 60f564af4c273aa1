import { PassThrough, type Readable } from 'node:stream'
import { finished } from 'node:stream/promises'

import { ZipFile } from 'yazl'

/** One file of an archive. `path`: unique and clean. The writer destroys `content` if the archive ends early. */
export type ZipEntry = { path: string; content: Readable; size: number; modifiedAt: Date }

/**
 * Writes a ZIP of the entries, one after the other and as fast as it is read. Zip64 where the size or the count needs it.
 * Nothing is compressed: the formats of documents are compressed already. An error of an entry destroys the stream, so that
 * its reader never gets the end of the archive; a stream that is destroyed stops reading the entries.
 */
export function writeZip(entries: AsyncIterable<ZipEntry>): Readable {
  const zip = new ZipFile()
  const output = new PassThrough()
  zip.once('error', (error) => output.destroy(error))
  // Not `pipeline`: a destroyed output also has to end the entry that is being read, which yazl does not do.
  zip.outputStream.pipe(output)
  void addAll(zip, output, entries)
  return output
}

async function addAll(zip: ZipFile, output: PassThrough, entries: AsyncIterable<ZipEntry>): Promise<void> {
  try {
    for await (const entry of entries) await add(zip, output, entry)
    zip.end()
  } catch (error) {
    output.destroy(error instanceof Error ? error : new Error('an entry failed', { cause: error }))
  }
}

async function add(zip: ZipFile, output: PassThrough, entry: ZipEntry): Promise<void> {
  const { path, content, size, modifiedAt } = entry
  const stop = () => content.destroy()
  output.once('close', stop)
  try {
    if (output.destroyed) stop()
    const ended = finished(content, { writable: false })
    const options = { size, mtime: modifiedAt, mode: 0o100644, compress: false }
    zip.addReadStreamLazy(path, options, handOver(content))
    await ended
  } finally {
    output.off('close', stop)
  }
}

/** yazl keeps this function until the end of the archive. It must not keep the content of every file with it. */
function handOver(content: Readable): (use: (error: unknown, stream: Readable) => void) => void {
  const waiting = [content]
  return (use) => {
    for (const each of waiting.splice(0)) use(null, each)
  }
}
