import { AppError } from '../../errors/app-error.ts'
import type { FileContent } from './file-bytes.ts'

type PictureSize = { width: number; height: number }

/** Reads a picture's size from its header; undefined for an invalid header. */
type ReadSize = (bytes: FileContent) => Promise<PictureSize | undefined>

/** A viewer needs four bytes of memory per pixel, so a file of a few kilobytes can need gigabytes. An A3 scan at 600 dpi has 70 million pixels. */
const maxPixels = 120_000_000

export function checkPicture(name: string, readSize: ReadSize): (bytes: FileContent) => Promise<void> {
  return async (bytes) => {
    const size = await readSize(bytes)
    if (size === undefined || size.width === 0 || size.height === 0)
      throw new AppError(
        'unsupported_type',
        `This file begins as a ${name} picture, but its header cannot be read: it is damaged or truncated. Open it, save it again and send the new file.`,
      )
    if (size.width * size.height > maxPixels)
      throw new AppError(
        'too_large',
        `This picture has ${size.width} × ${size.height} pixels; the maximum is ${maxPixels / 1_000_000} million in total. Save it smaller, for example at 300 dpi, and send it again.`,
      )
  }
}

/** From its first chunk, which must be the header (PNG specification, 11.2.1). */
export async function readPngSize(bytes: FileContent): Promise<PictureSize | undefined> {
  const chunk = await bytes.read(8, 25)
  if (chunk.length < 25 || chunk.readUInt32BE(0) !== 13 || chunk.toString('latin1', 4, 8) !== 'IHDR') return undefined
  return { width: chunk.readUInt32BE(8), height: chunk.readUInt32BE(12) }
}

/** A photo has a few dozen segments before its frame. */
const maxSegments = 4096

const noFrames = new Set([0xc4, 0xc8, 0xcc])

/** From the frame header, which follows any number of other segments (ITU-T T.81, B.2.2). */
export async function readJpegSize(bytes: FileContent): Promise<PictureSize | undefined> {
  let start = 2
  for (let count = 0; count < maxSegments; count += 1) {
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

/** Any number of bytes 0xff may precede a marker. */
async function skipFill(bytes: FileContent, start: number): Promise<number> {
  const piece = await bytes.read(start, 64)
  const fill = piece.findIndex((byte, index) => byte === 0xff && piece[index + 1] !== 0xff)
  return start + Math.max(0, fill)
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !noFrames.has(marker)
}

/** Restart markers and the start and end of an image have no length. A start of scan is invalid here: the frame must precede it. */
function hasLength(marker: number): boolean {
  return marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xda)
}

/** From its first chunk: a lossy or lossless picture, or the canvas of an extended file (RFC 9649, 2.5 to 2.7). */
export async function readWebpSize(bytes: FileContent): Promise<PictureSize | undefined> {
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

/** Width and height less one, in 14 bits each. */
function sizeOfLossless(bits: number): PictureSize {
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}

/** The content of a box, from `start` to `end`. */
type Box = { type: string; start: number; end: number }

const maxBoxes = 1000

/** The largest size of its `ispe` boxes: tiles and the thumbnail have one too (ISO/IEC 23008-12, 6.5.3). */
export async function readHeicSize(bytes: FileContent): Promise<PictureSize | undefined> {
  let largest: PictureSize | undefined
  const properties = await findInside(bytes, { start: 0, end: bytes.size })
  if (properties === undefined) return undefined
  for await (const { type, start } of listBoxes(bytes, properties)) {
    if (type !== 'ispe') continue
    const dimensions = await bytes.read(start + versionBytes, 8)
    if (dimensions.length < 8) return undefined
    const size = { width: dimensions.readUInt32BE(0), height: dimensions.readUInt32BE(4) }
    if (largest === undefined || size.width * size.height > largest.width * largest.height) largest = size
  }
  return largest
}

/** Some boxes begin with a version and flags. */
const versionBytes = 4

/** The properties of all items: `ipco` in `iprp` in `meta`. */
async function findInside(bytes: FileContent, whole: Pick<Box, 'start' | 'end'>): Promise<Box | undefined> {
  const meta = await findBox(bytes, whole, 'meta')
  const iprp = meta && (await findBox(bytes, { ...meta, start: meta.start + versionBytes }, 'iprp'))
  return iprp && (await findBox(bytes, iprp, 'ipco'))
}

async function findBox(
  bytes: FileContent,
  within: Pick<Box, 'start' | 'end'>,
  wanted: string,
): Promise<Box | undefined> {
  for await (const box of listBoxes(bytes, within)) if (box.type === wanted) return box
  return undefined
}

/** The consecutive boxes in a part of the file; ends at a broken one (ISO/IEC 14496-12, 4.2). */
async function* listBoxes(bytes: FileContent, { start, end }: Pick<Box, 'start' | 'end'>): AsyncGenerator<Box, void> {
  let next = start
  for (let count = 0; count < maxBoxes && next + 8 <= end; count += 1) {
    const head = await bytes.read(next, 16)
    if (head.length < 8) return
    const short = head.readUInt32BE(0)
    const isLong = short === 1 && head.length === 16
    // 0: the box ends where its parent ends.
    const size = isLong ? Number(head.readBigUInt64BE(8)) : short === 0 ? end - next : short
    const headSize = isLong ? 16 : 8
    if (size < headSize || next + size > end) return
    yield { type: head.toString('latin1', 4, 8), start: next + headSize, end: next + size }
    next += size
  }
}
