import type { Command } from 'commander'
import { z } from 'zod'

import { isBackupName } from '../../backup/backup-manifest.ts'
import { loadConfig } from '../../config/load-config.ts'
import { pathOrBucket, type PathOrBucket, whole } from '../../config/setting-formats.ts'
import { defineCommand, type OutputOptions, parseAs } from '../command/define-command.ts'
import { prepareCommand, withApp, withSettings } from '../command/run-command.ts'

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

const store = parseAs(
  z.string().transform((text, context): PathOrBucket => {
    const parsed = pathOrBucket.safeParse(text)
    if (parsed.success && text !== '') return parsed.data
    context.addIssue({ code: 'custom', message: 'must be a folder, or s3://bucket/prefix' })
    return z.NEVER
  }),
)
const concurrency = parseAs(whole(1, 64))
const name = parseAs(
  z.string().refine(isBackupName, 'must be the name of a backup, such as 2026-11-01T020000Z-0b8f6f0e'),
)

export const backupCommands = [
  defineCommand<CreateBackupOptions, [PathOrBucket]>({
    path: 'backup create',
    summary: 'Back up the database and every file.',
    description:
      'Create a backup while the service runs: every row and every file at one point in time, with a manifest of their hashes. A file that an earlier backup in the same place includes is not copied again. If you stop it (Ctrl-C), the backup stays unfinished, and the next one removes it.',
    example: './bin/paniq-docs backup create /mnt/backup --sign-key backup-key.pem',
    json: 'lines',
    configure: (command) =>
      addPlace(command)
        .option(
          '--rows-only',
          'leave the files out; the manifest says so, and a restore needs the files in their stores',
        )
        .option('--sign-key <file>', 'sign the manifest with this private key (Ed25519, PEM)'),
    async run(options, where) {
      const { createBackup, readSigningKeyFile } = await import('./create-backup.ts')
      const key = await readSigningKeyFile(options.signKey)
      await withApp(options, (needs) => createBackup({ ...needs, key }, where, options))
    },
  }),
  defineCommand<VerifyBackupOptions, [PathOrBucket]>({
    path: 'backup verify',
    summary: 'Prove that a backup is complete and unchanged.',
    description:
      'Read every byte of a backup and compare it with the manifest, and the manifest with its signature. It needs no database. If you stop it (Ctrl-C), it says nothing about the rest.',
    example: './bin/paniq-docs backup verify /mnt/backup --public-key backup-key.pub.pem',
    json: 'lines',
    configure: (command) =>
      addChoice(addPlace(command), 'the newest with files').option(
        '--repair',
        'set damaged files aside, so that the next backup copies them again',
      ),
    run: (options, where) =>
      withSettings(options, async (needs) => {
        const { verifyBackup } = await import('./verify-backup.ts')
        await verifyBackup(needs, where, options)
      }),
  }),
  defineCommand<RestoreBackupOptions, [PathOrBucket]>({
    path: 'backup restore',
    summary: 'Restore a backup into an empty database and an empty store.',
    description:
      'Restore a backup into an empty database and an empty store: that of USE_S3_STORAGE, UPLOADS_DIR or AWS_S3_BUCKET. Stop the service first. Files are restored first, each read back; rows last. You can stop it (Ctrl-C) or kill it at any moment; the same command resumes it. A rows-only backup restores the rows, and the command looks for every file that they name.',
    example: 'DATA_DIR=/srv/new/data UPLOADS_DIR=/srv/new/uploads ./bin/paniq-docs backup restore /mnt/backup',
    json: 'lines',
    configure: (command) =>
      addChoice(addPlace(command), 'the newest finished one with files')
        .option('--no-files', 'restore only the rows, when the files are still in their stores')
        .option('--read', 'read every byte of files that are still in their stores, instead of checking their length')
        .option('--without-damaged', 'leave out files that are lost or damaged in the backup, and name them'),
    async run(options, where) {
      const { restore } = await import('./restore-backup.ts')
      await restore(await prepareCommand(options, loadConfig), where, options)
    },
  }),
]

/** Chooses a backup, and the key that must have signed it. */
function addChoice(command: Command, otherwise: string): Command {
  return command
    .option('--backup <name>', `the name of the backup; default: ${otherwise}`, name)
    .option('--public-key <file>', 'the public key (Ed25519, PEM) that must match the signature')
}

function addPlace(command: Command): Command {
  return command
    .argument('<place>', 'a folder, or s3://bucket/prefix', store)
    .option('--concurrency <n>', 'number of files to process at once', concurrency, 4)
}
