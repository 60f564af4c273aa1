import type { Readable } from 'node:stream'

import type { Logger } from 'pino'

import { recordHeartbeat, heartbeatSeconds } from '../database/backup/running-backups.ts'
import type { Db } from '../database/connection/client.ts'
import { AppError, isAppError } from '../errors/app-error.ts'
import { forwardStream } from '../storage/streams/forward-stream.ts'
import type { Clock } from '../vocabulary/vocabulary.ts'

/** A folder that hangs never answers, and removals must not wait for it. Longer than S3 is retried. */
const maxQuietMs = 15 * 60_000
/** How often the marker in the backup store is written again. */
const renewalMs = 5 * 60_000

/** A running backup. */
export type BackupRun = {
  /** Aborts at a shutdown, and when the backup cannot succeed any more. */
  signal: AbortSignal
  /** Called for every row, file and chunk. */
  onProgress: () => void
}

type BackupHeartbeat = BackupRun & {
  /** The number of calls of `onProgress`. */
  progress: () => number
  /** Records a heartbeat, unless nothing was processed for long. A timer calls it. */
  send(): Promise<void>
  /** Records the last heartbeat. Throws if the backup cannot succeed any more. */
  end(): Promise<void>
  stop(): void
}

type Needs = { db: Db; log: Pick<Logger, 'warn'>; now: Clock }

type HeartbeatOptions = {
  signal: AbortSignal
  /** Writes the heartbeat to the backup store. Throws a `conflict` if the backup was removed. */
  renew: () => Promise<void>
}

/** Records the heartbeat of a backup regularly, so that removals wait. */
export function startHeartbeat(
  { db, log, now }: Needs,
  id: string,
  { signal, renew }: HeartbeatOptions,
): BackupHeartbeat {
  const expired = new AbortController()
  let progress = 0
  let progressAt = now().getTime()
  let renewedAt = progressAt
  let renewing: Promise<void> | undefined
  let isOver = false
  const record = async () => {
    if (!(await recordHeartbeat(db, id))) expired.abort(backupExpired())
  }
  const tryRenewal = async () => {
    try {
      await renew()
      renewedAt = now().getTime()
    } catch (error) {
      if (isAppError(error, 'conflict')) expired.abort(error)
      else
        log.warn({ event: 'backup_heartbeat_failed', err: error }, 'backup heartbeat not written to the backup store')
    }
    renewing = undefined
  }
  const send = async () => {
    const at = now().getTime()
    if (at - progressAt > maxQuietMs) return
    await record()
    if (!isOver && renewing === undefined && at - renewedAt >= renewalMs) renewing = tryRenewal()
  }
  const timer = setInterval(() => {
    send().catch((error: unknown) =>
      log.warn({ event: 'backup_heartbeat_failed', err: error }, 'backup heartbeat not written to the database'),
    )
  }, heartbeatSeconds * 1000)
  const stop = () => {
    isOver = true
    clearInterval(timer)
  }
  return {
    signal: AbortSignal.any([signal, expired.signal]),
    onProgress() {
      progress += 1
      progressAt = now().getTime()
    },
    progress: () => progress,
    send,
    async end() {
      stop()
      // Written later, the marker would mark a finished backup as unfinished.
      await renewing
      await record()
      expired.signal.throwIfAborted()
    },
    stop,
  }
}

function backupExpired(): AppError {
  return new AppError(
    'conflict',
    'This backup recorded no heartbeat for two minutes, made no progress for 15 minutes, or ran for a week. Files that it needs may be removed, so it cannot be used. Check that the database, the store and the backup store answer, and run it again.',
  )
}

/** Passes the bytes on and calls `onProgress` for each chunk. */
export function notifyOnRead(source: Readable, onProgress: () => void): Readable {
  source.on('data', onProgress)
  return forwardStream(source, (error) => error)
}
