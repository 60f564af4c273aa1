import { createCipheriv, createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

import { streamOf, writePdf } from './write-pdf.ts'

type FileOptions = {
  /** The exact size. Default: the smallest valid one. */
  bytes?: number
  /** Files of the same size and another seed have other bytes. The same seed always gives the same file. */
  seed?: string
}

/** A valid PDF of one empty page; `attached`: a file inside it. */
export function makePdf({ attached, ...options }: FileOptions & { attached?: Buffer } = {}): Buffer {
  return sized((spare, seed) => pdf(spare, seed, attached), options)
}

/** A PNG of one grey pixel. */
export function makePng(options: FileOptions = {}): Buffer {
  return sized(png, options)
}

/** A JPEG of one grey pixel. */
export function makeJpeg(options: FileOptions = {}): Buffer {
  return sized(jpeg, options)
}

/** Pseudo-random bytes of a seed: a lost, doubled or moved part changes their hash. */
export function makeNoise(bytes: number, seed = ''): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

/**
 * The size of each file grows by exactly one byte for each spare byte, so that every size above the smallest is
 * possible.
 */
type Maker = (spare: number, seed: string) => Buffer

const leastSpare = 24

function sized(maker: Maker, { bytes, seed = '' }: FileOptions): Buffer {
  const smallest = maker(leastSpare, seed)
  if (bytes === undefined) return smallest
  if (bytes < smallest.length) throw new Error(`${bytes} bytes are too few: the smallest has ${smallest.length}`)
  return maker(bytes - smallest.length + leastSpare, seed)
}

function pdf(spare: number, seed: string, attached?: Buffer): Buffer {
  return writePdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> >>',
    streamOf(makeNoise(spare, seed)),
    ...(attached === undefined ? [] : [streamOf(attached, '/Type /EmbeddedFile ')]),
  ])
}

function png(spare: number, seed: string): Buffer {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]) // 1 × 1, 8 bits of grey
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('paDd', makeNoise(spare, seed)), // the case of its letters marks a private chunk that readers ignore
    pngChunk('IDAT', deflateSync(Buffer.from([0, 0x80]))),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name), data])
  return Buffer.concat([uint32(data.length), named, uint32(crc32(named))])
}

function jpeg(spare: number, seed: string): Buffer {
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    jpegSegment(0xe0, Buffer.from('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1')),
    ...jpegComments(spare, seed),
    jpegSegment(0xdb, Buffer.from([0, ...Array<number>(64).fill(1)])),
    jpegSegment(0xc0, Buffer.from([8, 0, 1, 0, 1, 1, 1, 0x11, 0])), // 8 bits, 1 × 1, one component
    jpegSegment(0xc4, codeTable(0x00)),
    jpegSegment(0xc4, codeTable(0x10)),
    jpegSegment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    // Two code words of one 0 bit each (no difference, end of block), padded with ones.
    Buffer.from([0x3f, 0xff, 0xd9]),
  ])
}

/** One code word, a single 0 bit, for the value 0. */
function codeTable(destination: number): Buffer {
  return Buffer.from([destination, 1, ...Array<number>(15).fill(0), 0])
}

function jpegComments(spare: number, seed: string): Buffer[] {
  const head = 4 // marker and length
  const most = 60_000 // a segment's length has 16 bits
  const count = Math.ceil(spare / (head + most))
  const noise = makeNoise(spare - count * head, seed)
  const each = Math.ceil(noise.length / count)
  return Array.from({ length: count }, (_, index) =>
    jpegSegment(0xfe, noise.subarray(index * each, (index + 1) * each)),
  )
}

function jpegSegment(marker: number, data: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(data.length + 2)
  return Buffer.concat([Buffer.from([0xff, marker]), length, data])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
