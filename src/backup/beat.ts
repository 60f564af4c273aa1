import type { Logger } from 'pino'

import { beatBackup, beatSeconds } from '../database/backup/running-backups.ts'
import type { Db } from '../database/client.ts'
import { AppError } from '../errors.ts'

export type Beating = {
  /** Aborts when the backup is in vain. */
  signal: AbortSignal
  /** Once more and for the last time; throws when the backup is in vain. */
  end(): Promise<void>
  stop(): void
}

/** Says again and again that a backup lives, so that removals wait for it. A database that does not answer is asked again. */
export function keepBeating({ db, log }: { db: Db; log: Pick<Logger, 'warn'> }, id: string): Beating {
  const inVain = new AbortController()
  const beat = async () => {
    if (!(await beatBackup(db, id))) inVain.abort(takenForDead())
  }
  const timer = setInterval(() => {
    beat().catch((error: unknown) =>
      log.warn({ event: 'backup_beat_failed', err: error }, 'the database could not be told that a backup runs'),
    )
  }, beatSeconds * 1000)
  return {
    signal: inVain.signal,
    async end() {
      await beat()
      inVain.signal.throwIfAborted()
    },
    stop: () => clearInterval(timer),
  }
}

function takenForDead(): AppError {
  return new AppError(
    'conflict',
    'This backup could not say for two minutes that it lives, so that files which it needs may be gone. Nothing of it counts; see that the database can be reached, and run it again.',
  )
}
