import { BackupWrong, ContentWrong, type FileLine } from '../backup/manifest.ts'
import {
  restoreBackup as restore,
  type Restored,
  type RestoreNeeds,
  type RestoreStore,
} from '../backup/restore-backup.ts'
import { GaveUp, type PatienceTimes, usualPatienceTimes } from '../backup/patient-place.ts'
import type { OpenedBackup } from '../backup/open-backup.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { findS3Trouble } from '../storage/connection-test/find-bucket.ts'
import { untilAborted } from '../storage/read-as-it-grows.ts'
import type { RestoreBackupOptions } from './add-backup.ts'
import { warnRowsOnly } from './advise-on-lacking.ts'
import { explainGivenUp } from './explain-given-up.ts'
import { CommandFailed } from './failures.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount, type Progress, showProgress } from './progress.ts'
import { endedBefore } from './tell-end.ts'
import { tellingOfWaiting } from './tell-waiting.ts'

type Needs = RestoreNeeds & { config: Config; print: Printer; signal: AbortSignal; patience?: PatienceTimes }

/** `backup restore`, until the rows stand. Says what it found; throws `CommandFailed` when it was ended before the end. */
export async function restoreBackup(
  needs: Needs,
  { place, opened }: { place: BackupPlace; opened: OpenedBackup },
  options: RestoreBackupOptions,
): Promise<Restored> {
  const { print, signal, patience = usualPatienceTimes } = needs
  const { manifest, name } = opened
  const isWithFiles = !manifest.backup.rows_only && options.files
  const { count: files, bytes } = manifest.files
  print.say(`${name}, taken ${manifest.backup.taken_at}: ${inCount(files, 'file')}, ${inBytes(bytes)}.`)
  warnRowsOnly(print, manifest)
  const progress = showProgress(print, { files, bytes })
  const done = { files: 0, bytes: 0 }
  try {
    return await restore(needs, place, opened, {
      into: isWithFiles ? await storeOf(needs) : undefined,
      reads: options.read === true,
      concurrency: options.concurrency,
      signal,
      ...patience,
      onWaiting: tellingOfWaiting((line) => progress.say(line), patience.patienceMs),
      onTable: (table) => print.answer({ event: 'table', table }),
      onRestored(sofar) {
        done.files += 1
        done.bytes = sofar.bytes
        progress.update(done)
      },
      onLooked(line, found) {
        done.files += 1
        done.bytes += line.size
        progress.update(done)
        if (found !== 'there') nameFile({ print, progress }, line, found)
      },
      onDamaged: options.withoutDamaged ? (line) => nameFile({ print, progress }, line, 'damaged') : undefined,
    })
  } catch (error) {
    if (error instanceof BackupWrong) throw notRestored(name, error)
    if (!signal.aborted) throw error instanceof GaveUp ? explainGivenUp(error, 'it goes on where it stands') : error
    print.answer({ event: 'finished', ok: false, complete: false, backup: name })
    progress.say(endedBefore)
    throw new CommandFailed()
  } finally {
    progress.end()
  }
}

type Told = { print: Printer; progress: Progress }

function nameFile({ print, progress }: Told, line: FileLine, found: string): void {
  const { firm_id, document_id, version, key } = line
  print.answer({ event: 'file', found, firm_id, document_id, version, key })
  progress.say(
    `${print.paint('red', '✗')} document ${document_id} version ${version ?? '?'}, ${key}: ${found.replaceAll('_', ' ')}`,
  )
}

function notRestored(name: string, error: BackupWrong): AppError {
  const says = `The backup ${name} cannot be restored: ${error.message}. \`backup verify\` names all that is wrong with it.`
  const advice =
    error instanceof ContentWrong
      ? ' Bring the file back from another copy of the backup, or give the same line with --without-damaged: all else is restored, and what is left out is named.'
      : ''
  return new AppError('gone', `${says}${advice}`, { cause: error })
}

async function storeOf({ config, stores, signal }: Needs): Promise<RestoreStore> {
  const { local, s3 } = stores
  if (!config.useS3) return { store: 'local', name: config.uploadsDir, storeId: local.storeId, files: local }
  const trouble = await untilAborted(findS3Trouble(config.s3), signal)
  if (trouble !== undefined || s3 === undefined)
    throw new AppError('store_unavailable', `S3 cannot be used: ${trouble?.says}. ${trouble?.advice}`)
  return { store: 's3', name: config.s3.bucket, storeId: null, files: s3 }
}
