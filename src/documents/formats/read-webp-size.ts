import type { PictureSize } from './check-picture.ts'
import type { FileBytes } from './file-bytes.ts'

/** From its first chunk: a lossy or lossless picture, or the canvas of an extended file (RFC 9649, 2.5 to 2.7). */
export async function readWebpSize(bytes: FileBytes): Promise<PictureSize | undefined> {
  const head = await bytes.read(0, 30)
  if (head.length < 30) return undefined
  switch (head.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return head.toString('latin1', 23, 26) === '\x9d\x01\x2a'
        ? { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff }
        : undefined
    case 'VP8L':
      return head[20] === 0x2f ? sizeOfLossless(head.readUInt32LE(21)) : undefined
    case 'VP8X':
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 }
    default:
      return undefined
  }
}

/** Two numbers of 14 bits, each one less than what it stands for. */
function sizeOfLossless(bits: number): PictureSize {
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}
