import { crc32 } from 'node:zlib'

import { makeJpeg, makePng } from './make-files.ts'

/** A valid PNG whose header has this number of pixels, with only one pixel of data. */
export function pngOfSize(width: number, height: number): Buffer {
  const bytes = Buffer.from(makePng())
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
  return bytes
}

/** The same as a JPEG. */
export function jpegOfSize(width: number, height: number): Buffer {
  const bytes = Buffer.from(makeJpeg())
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]))
  bytes.writeUInt16BE(height, frame + 5)
  bytes.writeUInt16BE(width, frame + 7)
  return bytes
}
