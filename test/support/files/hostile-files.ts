import { deflateRawSync } from 'node:zlib'

import { makeJpeg, makeNoise, makePdf, makePng } from './make-files.ts'
import { readSample } from './read-sample.ts'
import { jpegOfSize, pngOfSize } from './sized-pictures.ts'

/** A file that must be rejected, and the expected answer. */
export type HostileFile = {
  what: string
  bytes: Buffer
  fileName: string
  contentType?: string
  status: number
  code: string
  /** Words of the answer. */
  says: RegExp
}

const page = '<!doctype html><script>alert(document.cookie)</script>'
const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
const mega = 1024 * 1024

const unknown = {
  status: 415,
  code: 'unsupported_type',
  says: /(of a kind that is not accepted|is damaged, or no real).*Allowed here: PDF/,
}
const isOther = (found: RegExp) => ({ status: 415, code: 'unsupported_type', says: found })
const broken = (name: string) => isOther(new RegExp(`begins as a ${name} picture, but its header cannot be read`))
const tooManyPixels = { status: 413, code: 'too_large', says: /pixels; the maximum is 120 million/ }
const cutOff = isOther(/is damaged or incomplete/)
const locked = isOther(/protected with a password/)

const disguised: HostileFile[] = [
  { what: 'a Windows program', bytes: program(), fileName: 'a.pdf', ...isOther(/is application\/x-msdownload/) },
  {
    what: 'a Windows program before a PDF',
    bytes: join(program(), makePdf()),
    fileName: 'a.pdf',
    ...isOther(/Allowed/),
  },
  {
    what: 'a Linux program',
    bytes: join('\x7fELF\x02\x01\x01', Buffer.alloc(500)),
    fileName: 'a.pdf',
    ...isOther(/x-elf/),
  },
  { what: 'a shell script', bytes: join('#!/bin/sh\nrm -rf /\n'), fileName: 'a.pdf', ...unknown },
  { what: 'a page', bytes: join(page), fileName: 'a.pdf', ...unknown },
  { what: 'a page in UTF-16', bytes: Buffer.from(`\uFEFF${page}`, 'utf16le'), fileName: 'a.pdf', ...unknown },
  { what: 'a page before a PDF', bytes: join(page, makePdf()), fileName: 'a.pdf', ...unknown },
  { what: 'a page behind a PDF', bytes: join(makePdf(), page.repeat(40)), fileName: 'a.pdf', ...cutOff },
  { what: 'an SVG', bytes: join(svg), fileName: 'a.png', ...unknown },
  { what: 'an SVG with an XML head', bytes: join('<?xml version="1.0"?>', svg), fileName: 'a.pdf', ...isOther(/xml/) },
  {
    what: 'a GIF that is a page too',
    bytes: join('GIF89a/*', page, '*/=1;'),
    fileName: 'a.png',
    ...isOther(/image\/gif/),
  },
  { what: 'a ZIP', bytes: zip('a.txt', page), fileName: 'a.pdf', ...isOther(/application\/zip/) },
  { what: 'a Word document', bytes: zip('word/document.xml', page), fileName: 'a.docx', ...isOther(/Allowed here/) },
  {
    what: 'a ZIP of a gigabyte of nothing',
    bytes: zip('a', Buffer.alloc(64 * mega)),
    fileName: 'a.zip',
    ...isOther(/zip/),
  },
  { what: 'a PostScript program', bytes: join('%!PS-Adobe-3.0\n'), fileName: 'a.pdf', ...isOther(/postscript/) },
  { what: 'text', bytes: join('just words'), fileName: 'a.pdf', ...unknown },
  { what: 'nothing but NULs', bytes: Buffer.alloc(5000), fileName: 'a.pdf', ...unknown },
]

const namedOtherwise: HostileFile[] = [
  {
    what: 'a PDF called a PNG',
    bytes: makePdf(),
    fileName: 'a.png',
    ...isOther(/is PDF, but the name ends in "\.png"/),
  },
  {
    what: 'a PNG called a JPEG',
    bytes: makePng(),
    fileName: 'a.jpg',
    ...isOther(/is PNG, but the name ends in "\.jpg"/),
  },
  { what: 'a HEIC called a JPEG', bytes: readSample('photo.heic'), fileName: 'a.jpg', ...isOther(/is HEIC/) },
  { what: 'a PDF with a second ending', bytes: makePdf(), fileName: 'a.pdf.exe', ...isOther(/"\.exe"/) },
  { what: 'a PDF without an ending', bytes: makePdf(), fileName: 'scan', ...isOther(/no extension/) },
  {
    what: 'a PDF sent as a page',
    bytes: makePdf(),
    fileName: 'a.pdf',
    contentType: 'text/html',
    ...isOther(/was sent as/),
  },
  {
    what: 'a PNG sent as a PDF',
    bytes: makePng(),
    fileName: 'a.png',
    contentType: 'application/pdf',
    ...isOther(/sent as PDF/),
  },
]

const brokenPdfs: HostileFile[] = [
  {
    what: 'a PDF without its end',
    bytes: makePdf({ bytes: 20_000 }).subarray(0, 15_000),
    fileName: 'a.pdf',
    ...cutOff,
  },
  { what: 'a PDF that is its header alone', bytes: join('%PDF-1.7\n'), fileName: 'a.pdf', ...cutOff },
  {
    what: 'a PDF with a program behind it',
    bytes: join(makePdf(), program(), makeNoise(2000)),
    fileName: 'a.pdf',
    ...cutOff,
  },
  {
    what: 'a PDF whose header comes too late',
    bytes: join(Buffer.alloc(1100, 32), makePdf()),
    fileName: 'a.pdf',
    ...unknown,
  },
  { what: 'a PDF with a password', bytes: readSample('encrypted.pdf'), fileName: 'a.pdf', ...locked },
  {
    what: 'a PDF with a password, for the web',
    bytes: readSample('encrypted-linearized.pdf'),
    fileName: 'a.pdf',
    ...locked,
  },
  { what: 'a PDF that hides its password', bytes: hidden(readSample('encrypted.pdf')), fileName: 'a.pdf', ...locked },
]

const brokenPictures: HostileFile[] = [
  { what: 'a PNG of 50,000 × 50,000 pixels', bytes: pngOfSize(50_000, 50_000), fileName: 'a.png', ...tooManyPixels },
  { what: 'a PNG of 2³¹ × 1 pixels', bytes: pngOfSize(2 ** 31 - 1, 1), fileName: 'a.png', ...tooManyPixels },
  { what: 'a PNG of no pixels', bytes: pngOfSize(0, 10), fileName: 'a.png', ...broken('PNG') },
  {
    what: 'a PNG without its header',
    bytes: join(makePng().subarray(0, 8), makePng().subarray(33)),
    fileName: 'a.png',
    ...unknown,
  },
  { what: 'a JPEG of 65,500 × 65,500 pixels', bytes: jpegOfSize(65_500, 65_500), fileName: 'a.jpg', ...tooManyPixels },
  { what: 'a JPEG without a frame', bytes: makeJpeg().subarray(0, 60), fileName: 'a.jpg', ...broken('JPEG') },
  { what: 'a JPEG of segments without end', bytes: segments(200_000), fileName: 'a.jpg', ...broken('JPEG') },
  { what: 'a WebP of 16,384 × 16,384 pixels', bytes: webp(16_384, 16_384), fileName: 'a.webp', ...tooManyPixels },
  {
    what: 'a WebP that is its first line alone',
    bytes: readSample('lossy.webp').subarray(0, 20),
    fileName: 'a.webp',
    ...broken('WebP'),
  },
  { what: 'a HEIC of 100,000 × 100,000 pixels', bytes: heic(100_000, 100_000), fileName: 'a.heic', ...tooManyPixels },
  {
    what: 'a HEIC that says no size',
    bytes: withoutSize(readSample('photo.heic')),
    fileName: 'a.heic',
    ...broken('HEIC'),
  },
]

const sizes: HostileFile[] = [
  {
    what: 'a file of no bytes',
    bytes: Buffer.alloc(0),
    fileName: 'a.pdf',
    status: 422,
    code: 'empty_file',
    says: /empty/,
  },
  {
    what: 'a file one byte too large',
    bytes: makePdf({ bytes: mega + 1 }),
    fileName: 'a.pdf',
    status: 413,
    code: 'too_large',
    says: /larger than the maximum of 1 MB/,
  },
]

/** Malformed and hostile files of every format, for a type that allows every format and at most a megabyte. */
export const hostileFiles = [...disguised, ...namedOtherwise, ...brokenPdfs, ...brokenPictures, ...sizes]

function join(...pieces: (string | Buffer)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)))
}

function program(): Buffer {
  return join('MZ\x90\0', Buffer.alloc(5000))
}

/** One compressed entry. */
function zip(name: string, content: string | Buffer): Buffer {
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50)
  local.writeUInt16LE(20, 4)
  local.writeUInt16LE(8, 8)
  local.writeUInt16LE(name.length, 26)
  return join(local, name, deflateRawSync(content))
}

/** Names with numeric escapes, which every reader understands. */
function hidden(pdf: Buffer): Buffer {
  return join(pdf.toString('latin1').replaceAll('/Encrypt ', '/#45ncrypt '))
}

/** Empty comments before a valid frame. */
function segments(count: number): Buffer {
  const whole = makeJpeg()
  return join(whole.subarray(0, 2), Buffer.alloc(4 * count, Buffer.from([0xff, 0xfe, 0, 2])), whole.subarray(2))
}

function webp(width: number, height: number): Buffer {
  const head = Buffer.alloc(30)
  head.write('RIFF\0\0\0\0WEBPVP8X', 'latin1')
  head.writeUInt32LE(22, 4)
  head.writeUInt32LE(10, 16)
  head.writeUIntLE(width - 1, 24, 3)
  head.writeUIntLE(height - 1, 27, 3)
  return head
}

function heic(width: number, height: number): Buffer {
  const bytes = Buffer.from(readSample('photo.heic'))
  const said = bytes.indexOf('ispe') + 8
  bytes.writeUInt32BE(width, said)
  bytes.writeUInt32BE(height, said + 4)
  return bytes
}

function withoutSize(bytes: Buffer): Buffer {
  return join(bytes.toString('latin1').replaceAll('ispe', 'free'))
}
