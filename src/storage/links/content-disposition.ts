import { create } from 'content-disposition'

/**
 * Formats a valid `Content-Disposition` header for any name: the original name in `filename*`, ASCII in `filename`. Control
 * characters and slashes become `_`, and bidirectional marks are removed, because they can disguise a name.
 */
export function formatContentDisposition(fileName: string, disposition: 'attachment' | 'inline'): string {
  const name = safeFileName(fileName)
  return create(name, { type: disposition, fallback: asciiName(name) })
}

/** A name that is safe to show and to save: not empty, no path, no invisible change of the reading direction. */
function safeFileName(fileName: string): string {
  const name = fileName
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029/\\]/gu, '_')
    // Left-to-right and right-to-left marks, embeddings, overrides and isolates, and the Arabic letter mark.
    .replaceAll(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu, '')
    .trim()
  return /^[.\s]*$/.test(name) ? 'document' : name
}

// Accents are removed before other characters are replaced, so that old clients still show a readable word. Some clients
// decode a name with a percent sign or cut it at a quote, and some letters decompose into a slash.
function asciiName(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\x20-\x7e]/gu, '_')
    .replaceAll(/["%/\\]/gu, '_')
}
