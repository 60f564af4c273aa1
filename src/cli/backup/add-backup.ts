import type { Command } from 'commander'
import { z } from 'zod'

import { isBackupName } from '../../backup/manifest.ts'
import { pathOrBucket, type PathOrBucket, whole } from '../../config/setting-formats.ts'
import { addJsonOption, type OutputOptions, parseAs, addExample } from '../command/describe-command.ts'

export type CreateBackupOptions = OutputOptions & { rowsOnly?: true; signKey?: string; concurrency: number }
export type VerifyBackupOptions = OutputOptions & {
  backup?: string
  publicKey?: string
  repair?: true
  concurrency: number
}
export type RestoreBackupOptions = Omit<VerifyBackupOptions, 'repair'> & {
  /** False with `--no-files`. */
  files: boolean
  read?: true
  withoutDamaged?: true
}

export type BackupActions = {
  createBackup: (place: PathOrBucket, options: CreateBackupOptions) => Promise<void>
  verifyBackup: (place: PathOrBucket, options: VerifyBackupOptions) => Promise<void>
  restoreBackup: (place: PathOrBucket, options: RestoreBackupOptions) => Promise<void>
}

const place = parseAs(
  z.string().transform((text, context): PathOrBucket => {
    const parsed = pathOrBucket.safeParse(text)
    if (parsed.success && text !== '') return parsed.data
    context.addIssue({ code: 'custom', message: 'must be a folder, or s3://bucket/prefix' })
    return z.NEVER
  }),
)
const concurrency = whole(1, 64)
const name = parseAs(
  z.string().refine(isBackupName, 'must be the name of a backup, such as 2026-11-01T020000Z-0b8f6f0e'),
)
const jsonLines = 'answer with JSON objects, one a line'

/** The commands that keep a second copy of everything, and bring it back. */
export function addBackup(program: Command, actions: BackupActions): void {
  const backup = program.command('backup').description('A second copy of everything, elsewhere.')
  addCreate(backup, actions)

  const verify = reading(backup.command('verify'), 'the newest with files')
    .summary('Show that a backup is whole and unchanged.')
    .description(
      'Read every byte of a backup and compare it with its manifest, and the manifest with its signature. It needs no database. Ended (Ctrl-C), it says nothing of what it has not come to.',
    )
    .option(
      '--repair',
      'put files aside whose bytes are not those that were kept, so that the next backup copies them again',
    )
    .action(actions.verifyBackup)
  addExample(verify, './bin/paniq-docs backup verify /mnt/backup --public-key backup-key.pub.pem')

  const restore = reading(backup.command('restore'), 'the newest with files that is finished')
    .summary('Bring a backup back into an empty database and an empty store.')
    .description(
      'Bring a backup back into an empty database and an empty store: that of USE_S3_STORAGE, UPLOADS_DIR or AWS_S3_BUCKET. Stop the service first. Files come first, each read back, rows last; it may be ended (Ctrl-C) or killed at any moment, and goes on when the same line is given again. A rows-only backup brings back the rows, and the command looks for every file that they name.',
    )
    .option('--no-files', 'the rows alone, where the files still lie where they lay')
    .option('--read', 'of files that are left where they lie: read every byte, instead of asking for their length')
    .option('--without-damaged', 'leave out files that are lost or damaged in the backup, and name them')
    .action(actions.restoreBackup)
  addExample(restore, 'DATA_DIR=/srv/new/data UPLOADS_DIR=/srv/new/uploads ./bin/paniq-docs backup restore /mnt/backup')
}

function addCreate(backup: Command, actions: BackupActions): void {
  const create = onPlace(backup.command('create'))
    .summary('Make a backup of the database and of every file.')
    .description(
      'Make a backup while the service runs: every row and every file at one point in time, with a manifest of their hashes. A file that an earlier backup in the same place includes is not copied again. Ended (Ctrl-C), it leaves a backup that is not finished, which the next one removes.',
    )
    .option('--rows-only', 'leave the files out; the manifest says so, and a restore needs the files in their stores')
    .option('--sign-key <file>', 'sign the manifest with this private key (Ed25519, PEM)')
    .action(actions.createBackup)
  addExample(create, './bin/paniq-docs backup create /mnt/backup --sign-key backup-key.pem')
}

/** One that reads a backup: which, and whose it must be. */
function reading(command: Command, usual: string): Command {
  return onPlace(command)
    .option('--backup <name>', `the one that \`backup create\` called so, instead of ${usual}`, name)
    .option('--public-key <file>', 'the key (Ed25519, PEM) that it must be signed with')
}

function onPlace(command: Command): Command {
  return addJsonOption(command, jsonLines)
    .argument('<place>', 'a folder, or s3://bucket/prefix', place)
    .option('--concurrency <n>', 'how many files at once', parseAs(concurrency), 4)
}
