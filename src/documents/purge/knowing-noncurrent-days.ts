import type { Stores } from '../stores.ts'

export type NoncurrentDays = (key: string) => Promise<number | undefined>

/** How many days the bucket keeps what is hidden under such keys; asked once of each kind, and unknown when S3 does not say. */
export function knowingNoncurrentDays({ s3 }: Stores): NoncurrentDays {
  const known = new Map<string, Promise<number | undefined>>()
  return async (key) => {
    const kind = key.slice(0, key.indexOf('/'))
    const days = known.get(kind) ?? s3?.findNoncurrentDays(key).catch(() => undefined) ?? Promise.resolve(undefined)
    known.set(kind, days)
    return days
  }
}
