import { randomUUID } from 'node:crypto'

import type { Config } from '../../config/load-config.ts'
import { systemActor } from '../../database/audit/events.ts'
import { countVersionsIn } from '../../database/documents/versions-in-store.ts'
import { drain, type DiskContents, inspectDisk } from '../../documents/moving/drain-fallback.ts'
import type { MoveNeeds } from '../../documents/moving/move-version.ts'
import { hasCode } from '../../errors/app-error.ts'
import { StoreError } from '../../storage/file-store.ts'
import { isS3Unavailable } from '../../storage/s3/requests/s3-operation.ts'
import type { DrainOptions } from './moving-commands.ts'
import { CommandFailed, WrongUse } from '../printing/explain-failure.ts'
import { stoppedResumable, formatBytes, formatCount, type Printer, describeS3Outage } from '../printing/printer.ts'
import { requireS3 } from '../command/require-s3.ts'
import { withMoveReporter } from './print-moves.ts'
import { findStoreId } from '../../storage/local/local-files.ts'

type Needs = MoveNeeds & { config: Config; print: Printer; signal: AbortSignal }

/**
 * The settings with the disk to drain. Throws `WrongUse` when the folder is not a local store: opening it would turn it
 * into one. Throws the system's error when the folder cannot be read.
 */
export async function configForDisk(config: Config, path: string | undefined, find = findStoreId): Promise<Config> {
  if (path === undefined) return config
  const storeId = await find(path).catch((error: unknown) => {
    if (error instanceof StoreError || hasCode(error, 'ENOTDIR')) return undefined
    throw error
  })
  if (storeId === undefined)
    throw new WrongUse(`${path} is not a local store of this service: it has no .store-id. Name an UPLOADS_DIR.`)
  return { ...config, uploadsDir: path }
}

/**
 * `drain`: moves the files that wait on the disk to S3, then prints what else would be lost with the disk. Throws
 * `CommandFailed` when a file stays that should have moved, or the disk is unknown.
 */
export async function drainDisk(needs: Needs, { concurrency }: DrainOptions): Promise<void> {
  const { print, signal, stores } = needs
  await requireS3(needs)
  const scope = { store: 'local', storeId: stores.local.storeId, isFallback: true } as const
  const total = await countVersionsIn(needs.db, scope)
  print.text(`${formatCount(total.files, 'file')}, ${formatBytes(total.bytes)}, waiting for S3 on this disk.`)

  const drained = await withMoveReporter(print, { total, reportFile: undefined }, (reporter) =>
    drain(needs, systemActor(randomUUID()), {
      concurrency,
      signal,
      onResult: reporter.report,
    }),
  )
  const { stoppedBy } = drained
  if (stoppedBy instanceof Error && !isS3Unavailable(stoppedBy) && stores.s3?.outage() === undefined) throw stoppedBy
  const left = await inspectDisk(needs)
  const ok = left.waiting + left.damaged + left.unknown.files === 0
  print.json({
    event: 'finished',
    ok,
    moved: drained.moved,
    bytes: drained.bytes,
    waiting: left.waiting,
    wrong_or_missing: left.damaged,
    others: left.others,
    unknown_files: left.unknown.files,
  })
  const damaged = left.damaged === 0 ? '' : `, ${formatCount(left.damaged)} corrupt or missing`
  const mark = print.mark(ok)
  print.text(
    `${mark} ${formatCount(drained.moved)} moved, ${formatBytes(drained.bytes)}; ${formatCount(left.waiting)} still waiting${damaged}.`,
  )
  if (signal.aborted) print.text(stoppedResumable)
  else if (stoppedBy !== undefined) print.text(describeS3Outage(stores))
  print.text(adviseOnDisk(left))
  if (!ok) throw new CommandFailed()
}

function adviseOnDisk({ waiting, damaged, others, unknown }: DiskContents): string {
  const verifyAdvice = '`verify` names the corrupt and missing ones.'
  if (unknown.files > 0)
    return `Found ${formatCount(unknown.files, 'file')}, ${formatBytes(unknown.bytes)}, on this disk, and no row of this database names the disk. Check DATABASE_URL. Do not wipe the disk.`
  if (others > 0)
    return `Other documents that are only on this disk: ${formatCount(others)}. Do not wipe the disk. \`migrate to-s3\` with UPLOADS_DIR set to it moves them; ${verifyAdvice}`
  if (waiting + damaged > 0) return `Do not wipe this disk. ${verifyAdvice}`
  return 'The disk may be wiped: no document is only on this disk.'
}
