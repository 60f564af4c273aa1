import type { QuotaUsage } from '../../database/people/quota-usage.ts'
import { AppError } from '../../errors/app-error.ts'

// `document_check_quota` (migration 0007) decides, in the statement of `database/blobs/reserve-upload.ts`, by the quota of
// `database/people/quota-usage.ts`.

/** `leftBytes`: the size of the largest file that still has room. */
export class QuotaExceeded extends AppError {
  readonly leftBytes: number

  constructor(message: string, { leftBytes, details }: { leftBytes: number; details: Record<string, unknown> }) {
    super('quota_exceeded', message, { details })
    this.leftBytes = leftBytes
  }
}

/** `incomingBytes`: the file's size, or its form's as long as the file is not read. */
export function quotaExceeded(
  { usedBytes, usedDocuments, quotaBytes, quotaDocuments, isDraftQuota }: QuotaUsage,
  limit: 'bytes' | 'documents',
  incomingBytes: number | undefined,
): QuotaExceeded {
  const isOfBytes = limit === 'bytes'
  const used = isOfBytes ? formatBytes(usedBytes) : usedDocuments.toLocaleString('en')
  const max = isOfBytes ? `${formatBytes(quotaBytes ?? 0)} of files` : countDocuments(quotaDocuments ?? 0)
  const size = isOfBytes && incomingBytes !== undefined ? ` of ${formatBytes(incomingBytes)}` : ''
  const details = {
    used_bytes: usedBytes,
    used_documents: usedDocuments,
    most_bytes: quotaBytes,
    most_documents: quotaDocuments,
  }
  const { until, more } = adviceOf(isOfBytes && isDraftQuota)
  return new QuotaExceeded(
    `This firm may store ${max}${until} and stores ${used}: there is no room for this one${size}. Delete documents that are not needed (in the trash they count until they are purged), or ${more}.`,
    { leftBytes: isOfBytes ? Math.max(0, (quotaBytes ?? Infinity) - usedBytes) : 0, details },
  )
}

/** The approval of a draft gives it the whole quota. */
function adviceOf(isDraft: boolean): { until: string; more: string } {
  return isDraft
    ? { until: ' until the platform has approved it,', more: 'have the platform approve the firm' }
    : { until: '', more: 'ask the platform’s support for more' }
}

function countDocuments(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'document' : 'documents'}`
}

const units = ['bytes', 'KB', 'MB', 'GB', 'TB']

/** Rounded down to one decimal, for example `1.5 MB`. */
export function formatBytes(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return `${Math.floor((bytes / 1024 ** power) * 10) / 10} ${units[power]}`
}
