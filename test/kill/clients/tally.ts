import type { Outcome } from './upload-file.ts'

export type Counts = {
  answered: number
  /** Uploads in pieces that became documents. */
  finishedInPieces: number
  unknown: number
  /** Attempts with a refused connection. */
  notSent: number
  kills: number
  /** Cuts of the connections to database and S3, and outages of S3. */
  troubles: number
  downloads: number
  /** Files, objects and unfinished uploads without a version at the end of a cycle. */
  garbageSeen: number
  garbageCollected: number
}

export type Tally = {
  counts: Counts
  /** The number of each answer other than 201, by status and code. */
  failures: Map<string, number>
  count(outcome: Outcome): void
  downloaded(): void
  finishedInPieces(): void
  killed(): void
  troubled(): void
  /** The same item may be reported in every cycle. */
  sawGarbage(pieces: string[]): void
}

export function makeTally(): Tally {
  const counts: Counts = {
    answered: 0,
    finishedInPieces: 0,
    unknown: 0,
    notSent: 0,
    kills: 0,
    troubles: 0,
    downloads: 0,
    garbageSeen: 0,
    garbageCollected: 0,
  }
  const failures = new Map<string, number>()
  const garbage = new Set<string>()
  return {
    counts,
    failures,
    count(outcome) {
      switch (outcome.kind) {
        case 'kept':
          counts.answered += 1
          return
        case 'not_sent':
          counts.notSent += 1
          return
        case 'unknown':
        case 'refused': {
          counts.unknown += 1
          const name = nameOf(outcome.why)
          failures.set(name, (failures.get(name) ?? 0) + 1)
        }
      }
    },
    finishedInPieces: () => void (counts.finishedInPieces += 1),
    downloaded: () => void (counts.downloads += 1),
    killed: () => void (counts.kills += 1),
    troubled: () => void (counts.troubles += 1),
    sawGarbage(pieces) {
      for (const piece of pieces) garbage.add(piece)
      counts.garbageSeen = garbage.size
    },
  }
}

function nameOf(why: string): string {
  const [, status, code] = /^(\d{3}) .*"code":"(\w+)"/.exec(why) ?? []
  return status === undefined ? 'no answer' : `${status} ${code}`
}
