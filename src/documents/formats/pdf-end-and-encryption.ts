import { setImmediate } from 'node:timers/promises'

import { AppError } from '../../errors/app-error.ts'
import type { FileContent } from './file-bytes.ts'

// The signature of a PDF is detected in detect-format.ts.

/** Readers search the last 1,024 bytes for the end mark. Some devices append padding to it. */
const endBytes = 1024
const maxPaddingBytes = 64 * 1024

/** Checks that the file ends with the end mark, so nothing is truncated or appended, and that it has no password. */
export async function checkPdf(bytes: FileContent): Promise<void> {
  const end = await findEnd(bytes)
  const tail = await bytes.read(Math.max(0, end - endBytes), Math.min(end, endBytes))
  if (!tail.includes('%%EOF'))
    throw new AppError(
      'unsupported_type',
      'This PDF is damaged or incomplete: its end is missing, or other data follows it. Open it, save it as a new PDF and send that one.',
    )
  if (await isPdfEncrypted(bytes, end))
    throw new AppError(
      'unsupported_type',
      'This PDF is protected with a password or against changes, so it cannot be checked. Open it, print it to a new PDF ("Save as PDF"), and send that one.',
    )
}

/** The position after the last byte that is not padding. */
async function findEnd(bytes: FileContent): Promise<number> {
  const start = Math.max(0, bytes.size - maxPaddingBytes)
  const tail = await bytes.read(start, maxPaddingBytes)
  const last = tail.findLastIndex((byte) => byte !== 0 && !isSpace(byte))
  return start + last + 1
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

const tailBytes = 2048
const windowBytes = 64 * 1024
/** The maximum length of a cross-reference table before its trailer. */
const maxTableBytes = 16 * 1024 * 1024

/**
 * Whether the newest trailer or cross-reference stream has an encryption dictionary (ISO 32000-1, 7.5.5 and 7.5.8). If the
 * trailer cannot be found, which readers tolerate, a reference to an encryption dictionary anywhere in the file counts.
 */
async function isPdfEncrypted(bytes: FileContent, end: number): Promise<boolean> {
  const dictionary = await findDictionary(bytes, end)
  if (dictionary !== undefined) return isEncryptedDictionary(dictionary)
  for await (const text of listWindows(bytes, 0, end)) if (namesEncryption(text)) return true
  return false
}

async function findDictionary(bytes: FileContent, end: number): Promise<string | undefined> {
  const tail = (await bytes.read(Math.max(0, end - tailBytes), Math.min(end, tailBytes))).toString('latin1')
  const startOffset = [...tail.matchAll(/startxref\s+(\d{1,12})\s/g)].at(-1)?.[1]
  if (startOffset === undefined) return undefined
  const header = (await bytes.read(0, 1024 + 5)).indexOf('%PDF-')
  // Some programs count offsets from the header, others from the start of the file.
  for (const offset of new Set([Number(startOffset), Number(startOffset) + Math.max(0, header)])) {
    const found = await readDictionary(bytes, offset, end)
    if (found !== undefined) return found
  }
  return undefined
}

/** The trailer behind a cross-reference table at this offset, or the dictionary of a cross-reference stream. */
async function readDictionary(bytes: FileContent, offset: number, end: number): Promise<string | undefined> {
  const beginning = (await bytes.read(offset, windowBytes)).toString('latin1')
  const stream = /^\s*\d+\s+\d+\s+obj\b([\s\S]*?)\bstream\b/.exec(beginning)?.[1]
  if (stream !== undefined) return /\/XRef\b/.test(stream) ? stream : undefined
  if (!/^\s*xref\b/.test(beginning)) return undefined
  const until = Math.min(end, offset + maxTableBytes)
  for await (const text of listWindows(bytes, offset, until)) {
    const trailer = text.indexOf('trailer')
    const after = trailer < 0 ? -1 : text.indexOf('startxref', trailer)
    if (after >= 0) return text.slice(trailer, after)
  }
  return undefined
}

/** The text in windows that overlap by half, so that no match is cut in two. */
async function* listWindows(bytes: FileContent, start: number, end: number): AsyncGenerator<string, void> {
  for (let from = start; from < end; from += windowBytes / 2) {
    yield (await bytes.read(from, Math.min(windowBytes, end - from))).toString('latin1')
    // Reading from memory never waits, so this lets other requests run.
    await setImmediate()
  }
}

/** The name `/Encrypt`; each character may be written as a hex code. */
const encrypt = String.raw`/(?:E|#45)(?:n|#6[eE])(?:c|#63)(?:r|#72)(?:y|#79)(?:p|#70)(?:t|#74)`
const asKey = new RegExp(`${encrypt}(?![A-Za-z0-9#])`)
const asReference = new RegExp(String.raw`${encrypt}\s+\d+\s+\d+\s+R\b`)

function isEncryptedDictionary(dictionary: string): boolean {
  return asKey.test(dictionary)
}

/** A reference in a dictionary; the word alone in a page's text does not count. */
function namesEncryption(text: string): boolean {
  return asReference.test(text)
}
