import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'

import type { Config } from '../../config/load-config.ts'
import { countDisposedBlobs, listDisposedDocuments } from '../../database/purge/disposals.ts'
import { systemActor } from '../../database/audit/events.ts'
import { countPurgeable, type PurgeScope } from '../../database/purge/purge-candidates.ts'
import { type PurgeTimes } from '../../database/purge/purge-protections.ts'
import { destroyFiles, type DestroyNeeds } from '../../documents/purge/destroy-files.ts'
import { purgeTrash, walkTrash } from '../../documents/purge/purge-trash.ts'
import { purgeCutoff } from '../../documents/trash/trash-retention.ts'
import type { DocumentId } from '../../vocabulary/vocabulary.ts'
import type { PurgeOptions } from './purge-command.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import { formatBytes, formatCount, type Printer } from '../printing/printer.ts'
import { requireDestruction } from '../command/require-s3.ts'
import { type PurgeReporter, withPurgeReporter } from './print-purge.ts'

type Needs = DestroyNeeds & { config: Config; graceMs: number; print: Printer; signal: AbortSignal }

/**
 * `purge`. Prints why and throws `CommandFailed` when a document or file was not destroyed. A protected document is no
 * failure unless it was named.
 */
export async function purgeDocuments(needs: Needs, options: PurgeOptions): Promise<void> {
  const { print, db } = needs
  const documentIds = options.document as DocumentId[] | undefined // validated where options are parsed
  const scope: PurgeScope = { documentIds }
  const times = timesOf(needs, options)
  if (options.now === true) await requireDestruction(needs, scope)

  const total = await countPurgeable(db, times, scope)
  const which = documentIds === undefined ? 'long enough in the trash' : 'of the named documents'
  print.text(`${formatCount(total.files, 'file')}, ${formatBytes(total.bytes)}, ${which}.`)
  const isGood = await withPurgeReporter(
    print,
    { total, documentIds, trashDays: needs.config.trashDays },
    async (reporter) => {
      const isComplete =
        options.dryRun === true
          ? await dryRun(needs, { times, scope, reporter })
          : await purgeAll(needs, options, { times, scope, reporter })
      await reportUnseen(needs, documentIds ?? [], reporter)
      return reporter.finish({ isComplete, isDryRun: options.dryRun === true, isNow: options.now === true })
    },
  )
  if (!isGood) throw new CommandFailed()
}

/** A named document with --now does not wait for its days in the trash. */
function timesOf({ now, config }: Needs, { now: isNow, document }: PurgeOptions): PurgeTimes {
  const at = now()
  const waits = isNow !== true || document === undefined
  return { now: at, before: waits ? purgeCutoff(at, config.trashDays) : undefined }
}

type Run = { times: PurgeTimes; scope: PurgeScope; reporter: PurgeReporter }

async function dryRun({ db, signal }: Needs, { times, scope, reporter }: Run): Promise<boolean> {
  for await (const document of walkTrash(db, times, scope)) {
    if (signal.aborted) return false
    reporter.report({ document, outcome: document.state })
  }
  return true
}

async function purgeAll(needs: Needs, options: PurgeOptions, { times, scope, reporter }: Run): Promise<boolean> {
  const { signal, graceMs, config } = needs
  const isNow = options.now === true
  const isComplete = await purgeTrash(needs, systemActor(randomUUID()), {
    times,
    scope,
    why: options.reason ?? `in the trash for ${config.trashDays} days`,
    by: `the command purge${isNow ? ' --now' : ''}, run by ${userInfo().username} on ${hostname()}`,
    dueAt: new Date(times.now.getTime() + (isNow ? 0 : graceMs)),
    signal,
    onResult: reporter.report,
  })
  if (!isNow || !isComplete) return isComplete
  reporter.beginFiles(await countWithinReach(needs, scope))
  return destroyFiles(needs, { documentIds: scope.documentIds, signal, onResult: reporter.reportFile })
}

async function countWithinReach({ db, stores }: Needs, { documentIds }: PurgeScope): Promise<number> {
  const left = await countDisposedBlobs(db, documentIds)
  const isHere = ({ store, storeId }: (typeof left)[number]) =>
    store === 's3' ? storeId === null && stores.s3 !== undefined : storeId === stores.local.storeId
  return left.filter(isHere).reduce((sum, { count }) => sum + count, 0)
}

/** Reports named documents that do not exist; an earlier run may have purged them. */
async function reportUnseen({ db }: Needs, documentIds: DocumentId[], reporter: PurgeReporter): Promise<void> {
  const unseen = documentIds.filter((id) => !reporter.hasSeen(id))
  const purged = new Map((await listDisposedDocuments(db, unseen)).map((each) => [each.id, each]))
  for (const id of unseen) reporter.reportUnseen(id, purged.get(id))
}
