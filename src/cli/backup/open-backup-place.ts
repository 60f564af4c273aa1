import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import type { Logger } from 'pino'

import {
  type VerificationKey,
  listBackups,
  openBackup,
  type OpenedBackup,
  readVerificationKey,
} from '../../backup/open-backup.ts'
import type { PathOrBucket } from '../../config/setting-formats.ts'
import type { ConfigWithoutTokens } from '../../config/config.ts'
import { AppError, codeOf } from '../../errors/app-error.ts'
import { isFolder } from '../../files/file-system.ts'
import { openBackupBucket } from '../../storage/backup-store/backup-bucket.ts'
import { openBackupFolder, cleanBackupFolder } from '../../storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../storage/backup-store/backup-store.ts'
import { StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/streams/read-spooled-file.ts'
import type { Printer } from '../printing/printer.ts'
import { advisePolicy, WrongUse } from '../printing/explain-failure.ts'
import { InvalidBackup, UnsignedBackup } from '../../backup/manifest.ts'
import { findS3Trouble, withBucketRegion, type S3TroubleFound } from '../../storage/connection-test/find-bucket.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; signal: AbortSignal }

const namePlace = 'Give the place that you gave to `backup create`.'
const keyAdvice = 'To create a pair of keys, see "Setting it up" in deploy/backup-restore/README.md.'

/** Of deploy/policies. */
type Policy = 'backup' | 'backup-verify' | 'backup-verify-repair' | 'backup-restore'

/**
 * Opens the place of the backups. Throws, with what to do, when it cannot be used. `makes`: creates a missing folder.
 * `policy`: the policy that grants the permissions in a bucket.
 */
export async function openBackupPlace(
  { config, log, signal }: Needs,
  place: PathOrBucket,
  { makes, policy }: { makes: boolean; policy: Policy },
): Promise<BackupStore> {
  if ('bucket' in place) {
    if (makes && place.bucket === config.s3.bucket)
      throw new WrongUse(
        `s3://${place.bucket} is the bucket of the documents: anybody with the service’s key could remove both. Name another bucket, or a folder.`,
      )
    const s3 = await untilAborted(withBucketRegion({ ...config.s3, bucket: place.bucket }), signal)
    const trouble = await untilAborted(findS3Trouble(s3), signal)
    if (trouble !== undefined)
      throw new AppError(
        'store_unavailable',
        `s3://${place.bucket} cannot be used: ${trouble.message}. ${adviceFor(trouble, policy)}`,
      )
    return openBackupBucket({ config: s3, log }, { ...place, policy })
  }
  const path = resolve(place.path)
  if (makes) {
    await requireApart(path, config)
    await makeFolder(path)
  } else if (!(await isFolder(path))) throw new WrongUse(`There is no folder ${path}. ${namePlace}`)
  return openBackupFolder(path)
}

/** No setting names this bucket, so its advice differs from that of AWS_S3_BUCKET. */
function adviceFor({ trouble, s3Code, advice }: S3TroubleFound, policy: Policy): string {
  if (trouble === 'not_allowed') return `${advisePolicy(policy)}.`
  return s3Code === 'NoSuchBucket' ? 'Create it, or name one that exists.' : advice
}

type Which = 'newest' | 'newest_finished'

/** Opens a backup: by its name, or the newest with files (`files: false`: the newest). Prints which newer one it skips. */
export async function openNamed(
  print: Printer,
  place: BackupStore,
  { backup: name, publicKey, files = true }: { backup?: string; publicKey?: string; files?: boolean },
  which: Which,
): Promise<OpenedBackup> {
  const key = await readKeyFile(publicKey, '--public-key', readVerificationKey)
  const all = (await listBackups(place)).toReversed()
  if (all[0] === undefined) throw new WrongUse(`There is no backup in ${place.address}. ${namePlace}`)
  if (name === undefined) {
    const { opened, newer } = await openNewest(place, { key, all, which, files })
    if (newer !== undefined)
      print.text(
        `${print.mark('note')} Skipped a newer backup that has rows only; choose it with --backup ${newer.name}.`,
      )
    return opened
  }
  if (!all.includes(name))
    throw new WrongUse(`There is no backup ${name} in ${place.address}; the newest is ${all[0]}.`)
  const opened = await openUnlessUnfinished(place, name, { key, all })
  if (opened === undefined) throw notFinished(name, all)
  return opened
}

/** `newer`: a skipped backup that has rows only. */
async function openNewest(place: BackupStore, { which, files, ...among }: Among & { which: Which; files: boolean }) {
  const { all } = among
  let rowsOnly: OpenedBackup | undefined
  for (const each of all) {
    const opened = await openUnlessUnfinished(place, each, among)
    if (opened === undefined && which === 'newest' && each === all[0]) throw notFinished(each, all)
    if (opened !== undefined && !(files && opened.manifest.backup.rows_only)) return { opened, newer: rowsOnly }
    rowsOnly ??= opened
  }
  if (rowsOnly !== undefined) return { opened: rowsOnly, newer: undefined }
  throw new AppError('gone', `None of the backups in ${place.address} is finished.`)
}

function notFinished(name: string, all: string[]): AppError {
  return new AppError(
    'gone',
    `The backup ${name} is not finished: it is still running, or its command was stopped.${otherThan(name, all)}`,
  )
}

function otherThan(name: string, names: string[]): string {
  // The newest is the first.
  const before = names[names.indexOf(name) + 1]
  return before === undefined ? '' : ` Choose the previous one with --backup ${before}.`
}

type Among = { key: VerificationKey | undefined; all: string[] }

async function openUnlessUnfinished(
  place: BackupStore,
  name: string,
  { key, all }: Among,
): Promise<OpenedBackup | undefined> {
  try {
    return await openBackup(place, name, key)
  } catch (error) {
    if (!(error instanceof InvalidBackup)) throw error
    const advice =
      error instanceof UnsignedBackup
        ? 'Without --public-key it is accepted unsigned. Sign the next one with --sign-key of `backup create`.'
        : 'If the key is right, use another copy of this backup.'
    const message = `The backup ${name} in ${place.address} cannot be trusted: ${error.message}. ${advice}${otherThan(name, all)}`
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

/** Throws when the folder is one of the service, below one, or below another place of backups. */
async function requireApart(path: string, { uploadsDir, dataDir }: ConfigWithoutTokens): Promise<void> {
  const [real, ...own] = await Promise.all([path, uploadsDir, dataDir].map(realPathOf))
  for (let above = real; above !== undefined; above = above === dirname(above) ? undefined : dirname(above)) {
    if (own.includes(above))
      throw new WrongUse(
        `${path} is UPLOADS_DIR or DATA_DIR, or below one: losing that folder would lose the backups too. Name another folder, best on another disk.`,
      )
    // A folder that this user may not list has no backups of theirs.
    if (above !== real && (await listBackups(openBackupFolder(above)).catch(() => [])).length > 0)
      throw new WrongUse(`${path} is below ${above}, which has backups. Name that folder, or one outside it.`)
  }
}

/** The path without symbolic links, also of a folder that does not exist yet. */
async function realPathOf(path: string): Promise<string> {
  const above = dirname(path)
  return realpath(path).catch(async () => (path === above ? path : join(await realPathOf(above), basename(path))))
}

async function makeFolder(path: string): Promise<void> {
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

const inTheWay = 'a file is in the way, not a folder'
const mayNotWrite = 'this user may not write there'
const folderFailures = new Map([
  ['EEXIST', inTheWay],
  ['ENOTDIR', inTheWay],
  ['ENOENT', 'no folder can be created there'],
  ['EACCES', mayNotWrite],
  ['EPERM', mayNotWrite],
  ['EROFS', 'its disk is read-only'],
  ['ENOSPC', 'its disk is full'],
  ['EDQUOT', 'its disk is full'],
])
