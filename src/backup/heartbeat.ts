import { pipeline, type Readable, Transform } from 'node:stream'

import type { Logger } from 'pino'

import { recordHeartbeat, heartbeatSeconds } from '../database/backup/running-backups.ts'
import type { Db } from '../database/connection/client.ts'
import { AppError, isAppError } from '../errors/app-error.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'

/** A folder that hangs gives no answer, ever, and removals are not to wait for it. Longer than S3 is asked again. */
const maxQuietMs = 15 * 60_000
/** How often the mark in the place is written anew. */
const renewalMs = 5 * 60_000

export type BackupHeartbeat = {
  /** Aborts when the backup is in vain. */
  signal: AbortSignal
  /** A row, a file or a piece of one came further. */
  progressed: () => void
  /** Says that the backup lives, unless nothing moved for long. A timer does it. */
  send(): Promise<void>
  /** Once more and for the last time; throws when the backup is in vain. */
  end(): Promise<void>
  stop(): void
}

type Needs = { db: Db; log: Pick<Logger, 'warn'>; now: Clock }

/** Keeps the heartbeat of a backup, so that removals wait. `renew` writes it to the place, or throws a `conflict`. */
export function startHeartbeat({ db, log, now }: Needs, id: string, renew: () => Promise<void>): BackupHeartbeat {
  const inVain = new AbortController()
  let movedAt = now().getTime()
  let renewedAt = movedAt
  let renewing: Promise<void> | undefined
  let isOver = false
  const say = async () => {
    if (!(await recordHeartbeat(db, id))) inVain.abort(backupExpired())
  }
  const tryRenewal = async () => {
    try {
      await renew()
      renewedAt = now().getTime()
    } catch (error) {
      if (isAppError(error, 'conflict')) inVain.abort(error)
      else log.warn({ event: 'backup_beat_failed', err: error }, 'the place could not be told that a backup runs')
    }
    renewing = undefined
  }
  const beat = async () => {
    const at = now().getTime()
    if (at - movedAt > maxQuietMs) return
    await say()
    if (!isOver && renewing === undefined && at - renewedAt >= renewalMs) renewing = tryRenewal()
  }
  const timer = setInterval(() => {
    beat().catch((error: unknown) =>
      log.warn({ event: 'backup_beat_failed', err: error }, 'the database could not be told that a backup runs'),
    )
  }, heartbeatSeconds * 1000)
  const stop = () => {
    isOver = true
    clearInterval(timer)
  }
  return {
    signal: inVain.signal,
    progressed: () => void (movedAt = now().getTime()),
    send: beat,
    async end() {
      stop()
      // Written later, the mark would say of a finished backup that it is none.
      await renewing
      await say()
      inVain.signal.throwIfAborted()
    },
    stop,
  }
}

function backupExpired(): AppError {
  return new AppError(
    'conflict',
    'This backup could not say for two minutes that it lives, or came no further for a quarter of an hour, or has run for a week, so that files which it needs may be gone. Nothing of it counts; see that the database, the store and the place answer, and run it again.',
  )
}

/** Of a backup that is being made. `onProgress` hears of every row, file and piece of a file that came further. */
export type BackupRun = { signal: AbortSignal; onProgress: () => void }

/** The same bytes; whoever waits for them hears that they come. */
export function notifyOnRead(source: Readable, onProgress: () => void): Readable {
  const notice = new Transform({
    transform(piece, _, next) {
      onProgress()
      next(null, piece)
    },
  })
  // What goes wrong with the source comes out of this one.
  return pipeline(source, notice, () => undefined)
}
