import { BackupWrong } from '../backup/backup-wrong.ts'
import {
  restoreBackup as restore,
  type Restored,
  type RestoreNeeds,
  type RestoreStore,
} from '../backup/restore-backup.ts'
import type { OpenedBackup } from '../backup/open-backup.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import { findS3Trouble } from '../storage/connection-test/find-s3-trouble.ts'
import type { RestoreBackupOptions } from './add-backup.ts'
import { CommandFailed } from './failures.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount, showProgress } from './progress.ts'

type Needs = RestoreNeeds & { config: Config; print: Printer; signal: AbortSignal }

/** `backup restore`, until the rows stand. Says what it found; throws `CommandFailed` when it was ended before the end. */
export async function restoreBackup(
  needs: Needs,
  { place, opened }: { place: BackupPlace; opened: OpenedBackup },
  options: RestoreBackupOptions,
): Promise<Restored> {
  const { print, signal } = needs
  const { manifest, name } = opened
  const isWithFiles = manifest.backup.with_files && options.files
  const { count: files, bytes } = manifest.files
  print.say(`${name}, taken ${manifest.backup.taken_at}: ${inCount(files)} files, ${inBytes(bytes)}.`)
  const progress = showProgress(print, { files, bytes })
  const done = { files: 0, bytes: 0 }
  try {
    return await restore(needs, place, opened, {
      into: isWithFiles ? await storeOf(needs) : undefined,
      reads: options.read === true,
      concurrency: options.concurrency,
      signal,
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
        if (found === 'there') return
        print.answer({
          event: 'file',
          found,
          firm_id: line.firm_id,
          document_id: line.document_id,
          version: line.version,
          key: line.key,
        })
        progress.say(
          `${print.paint('red', '✗')} document ${line.document_id} version ${line.version ?? '?'}, ${line.key}: ${found.replaceAll('_', ' ')}`,
        )
      },
    })
  } catch (error) {
    if (error instanceof BackupWrong)
      throw new AppError(
        'gone',
        `The backup ${name} cannot be restored: ${error.message}. \`backup verify\` names all that is wrong with it.`,
        { cause: error },
      )
    if (!signal.aborted) throw error
    print.answer({ event: 'finished', ok: false, complete: false, backup: name })
    progress.say('It was ended before the end. Run it again: it goes on where it stands.')
    throw new CommandFailed()
  } finally {
    progress.end()
  }
}

async function storeOf({ config, stores }: Needs): Promise<RestoreStore> {
  const { local, s3 } = stores
  if (!config.useS3) return { store: 'local', name: config.uploadsDir, storeId: local.storeId, files: local }
  const trouble = await findS3Trouble(config.s3)
  if (trouble !== undefined || s3 === undefined)
    throw new AppError('store_unavailable', `S3 cannot be reached: ${trouble?.says}. ${trouble?.advice}`)
  return { store: 's3', name: config.s3.bucket, storeId: null, files: s3 }
}
