import type { PictureSize } from './check-picture.ts'
import type { FileBytes } from './file-bytes.ts'

/** From its first chunk, which must be the header (PNG specification, 11.2.1). */
export async function readPngSize(bytes: FileBytes): Promise<PictureSize | undefined> {
  const chunk = await bytes.read(8, 25)
  if (chunk.length < 25 || chunk.readUInt32BE(0) !== 13 || chunk.toString('latin1', 4, 8) !== 'IHDR') return undefined
  return { width: chunk.readUInt32BE(8), height: chunk.readUInt32BE(12) }
}
