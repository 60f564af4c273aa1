import type { PictureSize } from './check-picture.ts'
import type { FileBytes } from './file-bytes.ts'

/** A photo has a few dozen before its picture. */
const mostSegments = 4096

const noFrames = new Set([0xc4, 0xc8, 0xcc])

/** From the frame header, which stands behind any number of other segments (ITU-T T.81, B.2.2). */
export async function readJpegSize(bytes: FileBytes): Promise<PictureSize | undefined> {
  let start = 2
  for (let count = 0; count < mostSegments; count += 1) {
    start = await skipFill(bytes, start)
    const head = await bytes.read(start, 9)
    if (head.length < 9 || head.readUInt8(0) !== 0xff) return undefined
    const marker = head.readUInt8(1)
    const length = head.readUInt16BE(2)
    if (isFrame(marker)) return { height: head.readUInt16BE(5), width: head.readUInt16BE(7) }
    if (!hasLength(marker) || length < 2) return undefined
    start += 2 + length
  }
  return undefined
}

/** Any number of bytes 0xff may stand before a marker. */
async function skipFill(bytes: FileBytes, start: number): Promise<number> {
  const piece = await bytes.read(start, 64)
  const fill = piece.findIndex((byte, index) => byte === 0xff && piece[index + 1] !== 0xff)
  return start + Math.max(0, fill)
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !noFrames.has(marker)
}

/** Not so restarts, and the start and end of an image; behind the start of a scan stands the picture itself, which has no business before its frame. */
function hasLength(marker: number): boolean {
  return marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xda)
}
