import { AppError } from '../../errors/app-error.ts'
import type { FirmId, UserId } from '../../vocabulary/vocabulary.ts'

/** Each has a file of up to 10 MiB in memory. */
const maxAtOnce = 4
/** A client that tries again may be faster than the news that it left. */
const maxOfPerson = 2
/** The people of one firm must not occupy all archives. */
const maxOfFirm = 2

type Archive = { userId: UserId; firmId: FirmId }

export type ArchiveLimit = {
  /** Returns a function that ends the archive; a second call does nothing. Throws `rate_limited`. */
  begin(archive: Archive): () => void
}

/** Few archives at once, for each person, for each firm and for the whole process. */
export function createArchiveLimit(): ArchiveLimit {
  const running = new Set<Archive>()
  const count = (isCounted: (each: Archive) => boolean) => [...running].filter(isCounted).length
  return {
    begin({ userId, firmId }) {
      if (count((each) => each.userId === userId) >= maxOfPerson)
        throw tooMany('You are downloading two archives already. Wait until one is complete.')
      if (count((each) => each.firmId === firmId) >= maxOfFirm)
        throw tooMany('Two archives of this firm are being downloaded already. Wait until one is complete.')
      if (running.size >= maxAtOnce) throw tooMany('Too many archives are being downloaded. Try again in a minute.')
      const archive = { userId, firmId }
      running.add(archive)
      return () => void running.delete(archive)
    },
  }
}

function tooMany(message: string): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds: 60 })
}
