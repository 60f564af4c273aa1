import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Logger } from 'pino'

import {
  type VerificationKey,
  listBackups,
  openBackup,
  type OpenedBackup,
  readVerificationKey,
} from '../../backup/open-backup.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import type { ConfigWithoutTokens } from '../../config/load-config.ts'
import { AppError, codeOf } from '../../errors/app-error.ts'
import { isFolder } from '../../files/file-system.ts'
import { openBackupBucket } from '../../storage/backup-store/backup-bucket.ts'
import { openBackupFolder, cleanBackupFolder } from '../../storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../storage/backup-store/backup-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Printer } from '../printing/printer.ts'
import { advisePolicy, WrongUse } from '../printing/explain-failure.ts'
import { InvalidBackup, UnsignedBackup } from '../../backup/backup-manifest.ts'
import { explainS3Failure } from '../printing/explain-s3-failure.ts'
import type { S3Diagnosis } from '../../storage/s3/diagnosis/diagnose-s3.ts'
import { requireSeparateBucket, requireSeparateFolder } from './require-separate-store.ts'
import { findS3Trouble, withBucketRegion } from '../../storage/connection-test/find-bucket.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; signal: AbortSignal }

const storeAdvice = 'Give the place that you gave to `backup create`.'
const keyAdvice = 'To create a pair of keys, see "Setting it up" in deploy/backup-restore/README.md.'

/** Of deploy/policies. */
type Policy = 'backup' | 'backup-verify' | 'backup-verify-repair' | 'backup-restore'

/**
 * Opens the store of the backups. Throws, with what to do, when it cannot be used. `makes`: creates a missing folder.
 * `policy`: the policy that grants the permissions in a bucket.
 */
export async function openBackupStore(
  { config, log, signal }: Needs,
  store: PathOrBucket,
  { makes, policy }: { makes: boolean; policy: Policy },
): Promise<BackupStore> {
  if ('bucket' in store) {
    if (makes) requireSeparateBucket(store.bucket, config)
    const s3 = await untilAborted(withBucketRegion({ ...config.s3, bucket: store.bucket }), signal)
    const trouble = await untilAborted(findS3Trouble(s3), signal)
    if (trouble !== undefined) throw unusableBucket(trouble, policy)
    return openBackupBucket({ config: s3, log }, { ...store, policy })
  }
  const path = resolve(store.path)
  if (makes) {
    await requireSeparateFolder(path, config)
    await createBackupFolder(path)
  } else if (!(await isFolder(path))) throw new WrongUse(`There is no folder ${path}. ${storeAdvice}`)
  return openBackupFolder(path)
}

/** No setting names this bucket, so its advice differs from that of AWS_S3_BUCKET. */
function unusableBucket(failure: S3Diagnosis, policy: Policy): AppError {
  const { message, advice } = explainS3Failure(failure)
  const absent = failure.s3Code === 'NoSuchBucket' ? 'Create it, or name one that exists.' : advice
  const toDo = failure.trouble === 'not_allowed' ? `${advisePolicy(policy)}.` : absent
  return new AppError('store_unavailable', `s3://${failure.bucket} cannot be used: ${message}. ${toDo}`)
}

type Choice = 'newest' | 'newest_finished'

/** Opens a backup: by its name, or the newest with files (`files: false`: the newest). Prints which newer one it skips. */
export async function openChosenBackup(
  print: Printer,
  store: BackupStore,
  { backup: name, publicKey, files = true }: { backup?: string; publicKey?: string; files?: boolean },
  which: Choice,
): Promise<OpenedBackup> {
  const key = await readKeyFile(publicKey, '--public-key', readVerificationKey)
  const all = (await listBackups(store)).toReversed()
  if (all[0] === undefined) throw new WrongUse(`There is no backup in ${store.address}. ${storeAdvice}`)
  if (name === undefined) {
    const { opened, newer } = await openNewestBackup(store, { key, all, which, files })
    if (newer !== undefined)
      print.text(
        `${print.mark('note')} Skipped a newer backup that has rows only; choose it with --backup ${newer.name}.`,
      )
    return opened
  }
  if (!all.includes(name))
    throw new WrongUse(`There is no backup ${name} in ${store.address}; the newest is ${all[0]}.`)
  const opened = await openUnlessUnfinished(store, name, { key, all })
  if (opened === undefined) throw notFinished(name, all)
  return opened
}

/** `newer`: a skipped backup that has rows only. */
async function openNewestBackup(
  store: BackupStore,
  { which, files, ...among }: Candidates & { which: Choice; files: boolean },
) {
  const { all } = among
  let rowsOnly: OpenedBackup | undefined
  for (const each of all) {
    const opened = await openUnlessUnfinished(store, each, among)
    if (opened === undefined && which === 'newest' && each === all[0]) throw notFinished(each, all)
    if (opened !== undefined && !(files && opened.manifest.backup.rows_only)) return { opened, newer: rowsOnly }
    rowsOnly ??= opened
  }
  if (rowsOnly !== undefined) return { opened: rowsOnly, newer: undefined }
  throw new AppError('gone', `None of the backups in ${store.address} is finished.`)
}

function notFinished(name: string, all: string[]): AppError {
  return new AppError(
    'gone',
    `The backup ${name} is not finished: it is still running, or its command was stopped.${suggestPrevious(name, all)}`,
  )
}

function suggestPrevious(name: string, names: string[]): string {
  // The newest is the first.
  const before = names[names.indexOf(name) + 1]
  return before === undefined ? '' : ` Choose the previous one with --backup ${before}.`
}

type Candidates = { key: VerificationKey | undefined; all: string[] }

async function openUnlessUnfinished(
  store: BackupStore,
  name: string,
  { key, all }: Candidates,
): Promise<OpenedBackup | undefined> {
  try {
    return await openBackup(store, name, key)
  } catch (error) {
    if (!(error instanceof InvalidBackup)) throw error
    const advice =
      error instanceof UnsignedBackup
        ? 'Without --public-key it is accepted unsigned. Sign the next one with --sign-key of `backup create`.'
        : 'If the key is right, use another copy of this backup.'
    const message = `The backup ${name} in ${store.address} cannot be trusted: ${error.message}. ${advice}${suggestPrevious(name, all)}`
    throw new AppError('gone', message, { cause: error })
  }
}

/** Reads a key file. Throws a usage error when it has no such key. */
export async function readKeyFile<Key>(
  path: string | undefined,
  option: string,
  read: (pem: string) => Key,
): Promise<Key | undefined> {
  if (path === undefined) return undefined
  const pem = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new WrongUse(`${option}: ${path} cannot be read (${error.code ?? 'no reason given'}). ${keyAdvice}`)
  })
  try {
    return read(pem)
  } catch (error) {
    throw new WrongUse(`${option}: ${path} ${error instanceof Error ? error.message : 'is no key'}. ${keyAdvice}`)
  }
}

async function createBackupFolder(path: string): Promise<void> {
  try {
    await cleanBackupFolder(path)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    const code = codeOf(error.cause) ?? 'no reason given'
    throw new WrongUse(
      `Backups cannot be stored in ${path}: ${folderFailures.get(code) ?? `the system reports ${code}`}. Name a folder that this user may write to.`,
    )
  }
}

const notAFolder = 'a file is in the way, not a folder'
const notWritable = 'this user may not write there'
const folderFailures = new Map([
  ['EEXIST', notAFolder],
  ['ENOTDIR', notAFolder],
  ['ENOENT', 'no folder can be created there'],
  ['EACCES', notWritable],
  ['EPERM', notWritable],
  ['EROFS', 'its disk is read-only'],
  ['ENOSPC', 'its disk is full'],
  ['EDQUOT', 'its disk is full'],
])
