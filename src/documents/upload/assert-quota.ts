import type { ReservationResult } from '../../database/blobs/reserve-upload.ts'
import type { QuotaUsage } from '../../database/people/quotas.ts'
import { AppError } from '../../errors/app-error.ts'
import { minFileBytes } from './read-upload.ts'

/** Whether a file that was refused room cannot turn out to be short enough for it. */
export function isTooLargeForRoom({ exceeded, room }: ReservationResult, declaredBytes: number | undefined): boolean {
  const { usedBytes, quotaBytes } = room
  return (
    exceeded === 'documents' ||
    (exceeded === 'bytes' && usedBytes + minFileBytes(declaredBytes) > (quotaBytes ?? Infinity))
  )
}

/** `leftBytes`: how large a file could be that there is still room for. */
export class QuotaExceeded extends AppError {
  readonly leftBytes: number

  constructor(message: string, { leftBytes, details }: { leftBytes: number; details: Record<string, unknown> }) {
    super('quota_exceeded', message, { details })
    this.leftBytes = leftBytes
  }
}

/** `comingBytes`: how large the file is, or its form as long as nothing of it was read. */
export function quotaExceeded(
  room: QuotaUsage,
  of: 'bytes' | 'documents',
  comingBytes: number | undefined,
): QuotaExceeded {
  const { usedBytes, usedDocuments, quotaBytes, quotaDocuments } = room
  const [used, most] =
    of === 'bytes'
      ? [formatBytes(usedBytes), `${formatBytes(quotaBytes ?? 0)} for its files`]
      : [
          usedDocuments.toLocaleString('en'),
          `${(quotaDocuments ?? 0).toLocaleString('en')} ${quotaDocuments === 1 ? 'document' : 'documents'}`,
        ]
  const size = of === 'documents' || comingBytes === undefined ? '' : ` of ${formatBytes(comingBytes)}`
  const details = {
    used_bytes: usedBytes,
    used_documents: usedDocuments,
    most_bytes: quotaBytes,
    most_documents: quotaDocuments,
  }
  const leftBytes = of === 'documents' ? 0 : Math.max(0, (quotaBytes ?? Infinity) - usedBytes)
  return new QuotaExceeded(
    `This firm may keep ${most}, and has ${used}: there is no room for this one${size}. Delete what is not needed (in the trash it counts until it is removed for good), or ask the platform’s support for more.`,
    { leftBytes, details },
  )
}

const units = ['bytes', 'KB', 'MB', 'GB', 'TB']

function formatBytes(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  return `${Math.floor((bytes / 1024 ** power) * 10) / 10} ${units[power]}`
}
