import type { RateKind } from '../../config-limits.ts'
import { AppError } from '../../errors.ts'

type Refused = { kind: RateKind; of: 'person' | 'address'; bucket: { perHour: number } }

const things: Record<RateKind, string> = {
  uploads: 'files handed in',
  downloads: 'downloads',
  logins: 'logins',
  events: 'calls that are kept on record',
}

/** The refusal of somebody who has done too much in an hour. */
export function tooMany({ kind, of, bucket }: Refused, retryAfterSeconds: number): AppError {
  const whose = of === 'person' ? 'by one person' : 'from one network'
  return new AppError(
    'rate_limited',
    `Too many ${things[kind]} ${whose}: ${bucket.perHour} an hour are allowed. Go on ${inWords(retryAfterSeconds)}, and more slowly; who needs more asks the platform’s support.`,
    { retryAfterSeconds },
  )
}

function inWords(seconds: number): string {
  if (seconds <= 1) return 'in a second'
  if (seconds < 120) return `in ${seconds} seconds`
  return `in ${Math.ceil(seconds / 60)} minutes`
}
