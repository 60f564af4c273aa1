import { setImmediate } from 'node:timers/promises'

import { AppError } from '../../errors/app-error.ts'
import type { FileContent } from './file-bytes.ts'

/** Readers look for the end mark in the last 1,024 bytes, and so many may hide there what is no PDF. Devices fill a file up with nothing behind it. */
const endBytes = 1024
const maxFillBytes = 64 * 1024

/** Its end mark stands at its end, so that nothing is cut off or hung on, and no password stands before it. */
export async function checkPdf(bytes: FileContent): Promise<void> {
  const end = await findEnd(bytes)
  const tail = await bytes.read(Math.max(0, end - endBytes), Math.min(end, endBytes))
  if (!tail.includes('%%EOF'))
    throw new AppError(
      'unsupported_type',
      'This PDF does not end as one does: it was cut off on its way, or something else hangs on it. Open it, save it anew and send it again.',
    )
  if (await isPdfEncrypted(bytes, end))
    throw new AppError(
      'unsupported_type',
      'This PDF is protected with a password, or against changes, so that nobody can check it. Open it, print it to a new PDF ("Save as PDF"), and send that one.',
    )
}

/** Where the last byte stands that is more than filling. */
async function findEnd(bytes: FileContent): Promise<number> {
  const start = Math.max(0, bytes.size - maxFillBytes)
  const tail = await bytes.read(start, maxFillBytes)
  const last = tail.findLastIndex((byte) => byte !== 0 && !isSpace(byte))
  return start + last + 1
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

const tailBytes = 2048
const windowBytes = 64 * 1024
/** So many bytes of a table of places are passed over on the way to the dictionary behind it. */
const maxTableBytes = 16 * 1024 * 1024

/**
 * Whether its newest dictionary, the trailer's or that of a stream of places, names how it is encrypted (ISO 32000-1,
 * 7.5.5 and 7.5.8). Where the way there is broken, which readers forgive, any object of the file that says so counts.
 */
async function isPdfEncrypted(bytes: FileContent, end: number): Promise<boolean> {
  const dictionary = await findDictionary(bytes, end)
  if (dictionary !== undefined) return isEncryptedDictionary(dictionary)
  for await (const text of listWindows(bytes, 0, end)) if (namesEncryption(text)) return true
  return false
}

async function findDictionary(bytes: FileContent, end: number): Promise<string | undefined> {
  const tail = (await bytes.read(Math.max(0, end - tailBytes), Math.min(end, tailBytes))).toString('latin1')
  const said = [...tail.matchAll(/startxref\s+(\d{1,12})\s/g)].at(-1)?.[1]
  if (said === undefined) return undefined
  const header = (await bytes.read(0, 1024 + 5)).indexOf('%PDF-')
  // Whatever stands before the header is counted by some and not by others.
  for (const offset of new Set([Number(said), Number(said) + Math.max(0, header)])) {
    const found = await readDictionary(bytes, offset, end)
    if (found !== undefined) return found
  }
  return undefined
}

/** What stands at a place to which a file refers: the table of places with the trailer behind it, or a stream of places. */
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

/** A file's text in pieces of which each repeats half of the one before, so that nothing is cut in two. */
async function* listWindows(bytes: FileContent, start: number, end: number): AsyncGenerator<string, void> {
  for (let from = start; from < end; from += windowBytes / 2) {
    yield (await bytes.read(from, Math.min(windowBytes, end - from))).toString('latin1')
    // A file in memory is read without a pause, and others want to be served meanwhile.
    await setImmediate()
  }
}

/** The name; each of its characters may be written as its number. */
const encrypt = String.raw`/(?:E|#45)(?:n|#6[eE])(?:c|#63)(?:r|#72)(?:y|#79)(?:p|#70)(?:t|#74)`
const asAKey = new RegExp(`${encrypt}(?![A-Za-z0-9#])`)
const asAReference = new RegExp(String.raw`${encrypt}\s+\d+\s+\d+\s+R\b`)

function isEncryptedDictionary(dictionary: string): boolean {
  return asAKey.test(dictionary)
}

/** As a dictionary refers to it; a page's text that merely has the word does not count. */
function namesEncryption(text: string): boolean {
  return asAReference.test(text)
}
