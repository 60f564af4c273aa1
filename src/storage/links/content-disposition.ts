import { create } from 'content-disposition'

import { readableName } from '../../vocabulary/readable-name.ts'

/**
 * Formats a valid `Content-Disposition` header for any name: the original name in `filename*`, ASCII in `filename`. Control
 * characters and slashes become `_`, and invisible characters are removed, because they can disguise a name.
 * `documents/download/issue-download.ts` decides what may be `inline`.
 */
export function formatContentDisposition(fileName: string, disposition: 'attachment' | 'inline'): string {
  const name = safeFileName(fileName)
  return create(name, { type: disposition, fallback: asciiName(name) })
}

/** A name that is safe to show and to save: not empty, no path, no invisible change of the reading direction. */
function safeFileName(fileName: string): string {
  const name = readableName(fileName.toWellFormed().replaceAll(/[\p{Cc}\u2028\u2029/\\]/gu, '_')).trim()
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
