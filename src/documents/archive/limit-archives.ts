import { AppError } from '../../errors/app-error.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'

/** Each has a file of up to 10 MiB in memory. */
const maxAtOnce = 4
/** A client that tries again may be faster than the news that it left. */
const maxOfPerson = 2

export type ArchiveLimit = {
  /** Returns a function that ends the archive; a second call does nothing. Throws `rate_limited`. */
  begin(userId: UserId): () => void
}

/** Few archives at once, for each person and for the whole process. */
export function createArchiveLimit(): ArchiveLimit {
  const running = new Set<{ userId: UserId }>()
  return {
    begin(userId) {
      const ofPerson = [...running].filter((each) => each.userId === userId).length
      if (ofPerson >= maxOfPerson)
        throw tooMany('You are downloading two archives already. Wait until one is complete.')
      if (running.size >= maxAtOnce) throw tooMany('Too many archives are being downloaded. Try again in a minute.')
      const archive = { userId }
      running.add(archive)
      return () => void running.delete(archive)
    },
  }
}

function tooMany(message: string): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds: 60 })
}
