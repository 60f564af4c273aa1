import type { PictureSize } from './check-picture.ts'
import type { FileBytes } from './file-bytes.ts'

/** The insides of a box: from `start` to `end`. */
type Box = { type: string; start: number; end: number }

const mostBoxes = 1000

/**
 * The largest size that its `ispe` boxes say: a photo is made of tiles, with a thumbnail, and each has such a box, as the
 * whole has (ISO/IEC 23008-12, 6.5.3).
 */
export async function readHeicSize(bytes: FileBytes): Promise<PictureSize | undefined> {
  let largest: PictureSize | undefined
  const properties = await findInside(bytes, { start: 0, end: bytes.size })
  if (properties === undefined) return undefined
  for await (const { type, start } of listBoxes(bytes, properties)) {
    if (type !== 'ispe') continue
    const said = await bytes.read(start + versionBytes, 8)
    if (said.length < 8) return undefined
    const size = { width: said.readUInt32BE(0), height: said.readUInt32BE(4) }
    if (largest === undefined || size.width * size.height > largest.width * largest.height) largest = size
  }
  return largest
}

/** Some boxes begin with a version and flags. */
const versionBytes = 4

/** The properties of all items: `ipco` in `iprp` in `meta`. */
async function findInside(bytes: FileBytes, whole: Pick<Box, 'start' | 'end'>): Promise<Box | undefined> {
  const meta = await findBox(bytes, whole, 'meta')
  const iprp = meta && (await findBox(bytes, { ...meta, start: meta.start + versionBytes }, 'iprp'))
  return iprp && (await findBox(bytes, iprp, 'ipco'))
}

async function findBox(bytes: FileBytes, within: Pick<Box, 'start' | 'end'>, wanted: string): Promise<Box | undefined> {
  for await (const box of listBoxes(bytes, within)) if (box.type === wanted) return box
  return undefined
}

/** The boxes side by side in a piece of the file; ends at one that is broken (ISO/IEC 14496-12, 4.2). */
async function* listBoxes(bytes: FileBytes, { start, end }: Pick<Box, 'start' | 'end'>): AsyncGenerator<Box, void> {
  let next = start
  for (let count = 0; count < mostBoxes && next + 8 <= end; count += 1) {
    const head = await bytes.read(next, 16)
    if (head.length < 8) return
    const short = head.readUInt32BE(0)
    const isLong = short === 1 && head.length === 16
    // 0: to the end of what it stands in.
    const size = isLong ? Number(head.readBigUInt64BE(8)) : short === 0 ? end - next : short
    const headSize = isLong ? 16 : 8
    if (size < headSize || next + size > end) return
    yield { type: head.toString('latin1', 4, 8), start: next + headSize, end: next + size }
    next += size
  }
}
