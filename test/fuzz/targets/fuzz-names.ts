import { parse } from 'content-disposition'
import * as fc from 'fast-check'

import { formatContentDisposition } from '../../../src/storage/links/content-disposition.ts'
import { encodeFileName } from '../../../src/storage/s3/s3-objects.ts'
import { readableName } from '../../../src/vocabulary/readable-name.ts'
import { oddText } from '../inputs/odd-text.ts'
import { refute } from '../scene/refute.ts'

/** Any name that a row of the platform may have. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.array(oddText, { maxLength: 4 }).map((texts) => texts.join('')),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
)

/**
 * The header is one line and has the name, except for characters that no file name may have. The metadata can be
 * decoded.
 */
export function judgeName(name: string): void {
  for (const disposition of ['attachment', 'inline'] as const) {
    const header = formatContentDisposition(name, disposition)
    refute([!/^[\x20-\x7e]+$/.test(header), `no header: ${JSON.stringify(header)}`])
    const { type, parameters } = parse(header)
    const isAsWanted = type === disposition && Object.keys(parameters).join() === 'filename'
    const saved = parameters['filename']
    refute([!isAsWanted || saved !== savedNameOf(name), `${JSON.stringify(name)} is saved as ${saved} by ${header}`])
  }
  const label = encodeFileName(name)
  refute(
    [label.length > 1024 || !/^[\x21-\x7e]*$/.test(label), `no label: ${label}`],
    [!name.toWellFormed().startsWith(decodeURIComponent(label)), `a label of another name: ${label}`],
  )
}

function savedNameOf(name: string): string {
  const wanted = readableName(name.toWellFormed().replaceAll(/[\p{Cc}\u2028\u2029/\\]/gu, '_')).trim()
  return /^[.\s]*$/.test(wanted) ? 'document' : wanted
}
