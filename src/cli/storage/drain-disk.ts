import { randomUUID } from 'node:crypto'

import type { Config } from '../../config/config.ts'
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
 * The settings with the disk that is to be drained. Throws `WrongUse` when that is none of ours: opening it would make it
 * one; and what the system said where it could not be looked at.
 */
export async function configForDisk(config: Config, path: string | undefined, find = findStoreId): Promise<Config> {
  if (path === undefined) return config
  const storeId = await find(path).catch((error: unknown) => {
    if (error instanceof StoreError || hasCode(error, 'ENOTDIR')) return undefined
    throw error
  })
  if (storeId === undefined)
    throw new WrongUse(`${path} is no local store of this service: there is no .store-id in it. Name an UPLOADS_DIR.`)
  return { ...config, uploadsDir: path }
}

/**
 * `drain`: what waits on the disk goes to S3 now; then it is said what else would be lost with the disk. Throws
 * `CommandFailed`, after saying why, when something stays that should have gone, or the disk is not known here.
 */
export async function drainDisk(needs: Needs, { concurrency }: DrainOptions): Promise<void> {
  const { print, signal, stores } = needs
  await requireS3(needs)
  const scope = { store: 'local', storeId: stores.local.storeId, isFallback: true } as const
  const total = await countVersionsIn(needs.db, scope)
  print.text(`${formatCount(total.files, 'file')}, ${formatBytes(total.bytes)}, waiting on this disk for S3.`)

  const drained = await withMoveReporter(print, { total, reportFile: undefined }, (reporter) =>
    drain(needs, systemActor(randomUUID()), {
      concurrency,
      signal,
      onResult: (settled) =>
        reporter.report(settled.version, settled.outcome, 'error' in settled ? settled.error : undefined),
    }),
  )
  const { stoppedBy } = drained
  if (stoppedBy instanceof Error && !isS3Unavailable(stoppedBy) && stores.s3?.outage() === undefined) throw stoppedBy
  const left = await inspectDisk(needs)
  const ok = left.waiting + left.spoiled + left.unknown.files === 0
  print.json({
    event: 'finished',
    ok,
    moved: drained.moved,
    bytes: drained.bytes,
    waiting: left.waiting,
    wrong_or_missing: left.spoiled,
    others: left.others,
    unknown_files: left.unknown.files,
  })
  const spoiled = left.spoiled === 0 ? '' : `, ${formatCount(left.spoiled)} left, found wrong or missing`
  const mark = print.mark(ok)
  print.text(
    `${mark} ${formatCount(drained.moved)} moved, ${formatBytes(drained.bytes)}; ${formatCount(left.waiting)} still waiting${spoiled}.`,
  )
  if (signal.aborted) print.text(stoppedResumable)
  else if (stoppedBy !== undefined) print.text(describeS3Outage(stores))
  print.text(whetherItMayGo(left))
  if (!ok) throw new CommandFailed()
}

function whetherItMayGo({ waiting, spoiled, others, unknown }: DiskContents): string {
  const foundSo = '`verify` names those that were found wrong or missing.'
  if (unknown.files > 0)
    return `Found ${formatCount(unknown.files, 'file')}, ${formatBytes(unknown.bytes)}, on this disk, and no row of this database names the disk: look at DATABASE_URL. It must not be wiped.`
  if (others > 0)
    return `Other papers that lie on this disk only: ${formatCount(others)}. It must not be wiped: \`migrate to-s3\`, with UPLOADS_DIR set to it, moves them; ${foundSo}`
  if (waiting + spoiled > 0) return `This disk must not be wiped. ${foundSo}`
  return 'No paper lies on this disk only.'
}
