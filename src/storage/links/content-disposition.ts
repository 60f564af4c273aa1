import { create } from 'content-disposition'

/**
 * One valid `Content-Disposition` header for any name: the name as it is in `filename*`, ASCII in `filename`. What
 * could break a line or make a name read as another (controls, bidirectional marks, slashes) becomes `_` or goes.
 */
export function formatContentDisposition(fileName: string, disposition: 'attachment' | 'inline'): string {
  const name = safeFileName(fileName)
  return create(name, { type: disposition, fallback: asciiName(name) })
}

/** A name that is safe to show and to save: never empty, no path, no invisible turn of the reading direction. */
function safeFileName(fileName: string): string {
  const name = fileName
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029/\\]/gu, '_')
    // Left-to-right and right-to-left marks, embeddings, overrides and isolates, and the Arabic letter mark.
    .replaceAll(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, '')
    .trim()
  return /^[.\s]*$/.test(name) ? 'document' : name
}

// Accents are dropped before anything is replaced, so that old clients still see a word. A percent sign would make
// some of them decode the name, quotes make some of them cut it, and some letters decompose into a slash.
function asciiName(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\x20-\x7e]/gu, '_')
    .replaceAll(/["%/\\]/gu, '_')
}
