import { AppError } from '../../errors.ts'
import type { FileBytes } from './file-bytes.ts'
import { isPdfEncrypted } from './is-pdf-encrypted.ts'

/** Readers look for the end mark in the last 1,024 bytes, and so many may hide there what is no PDF. Devices fill a file up with nothing behind it. */
const endBytes = 1024
const mostFill = 64 * 1024

/** Its end mark stands at its end, so that nothing is cut off or hung on, and no password stands before it. */
export async function checkPdf(bytes: FileBytes): Promise<void> {
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
async function findEnd(bytes: FileBytes): Promise<number> {
  const start = Math.max(0, bytes.size - mostFill)
  const tail = await bytes.read(start, mostFill)
  const last = tail.findLastIndex((byte) => byte !== 0 && !isSpace(byte))
  return start + last + 1
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}
