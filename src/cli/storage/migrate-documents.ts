import { randomUUID } from 'node:crypto'

import type { Config } from '../../config/load-config.ts'
import { systemActor } from '../../database/audit/events.ts'
import {
  migrate,
  type Migrated,
  planMigration,
  dryRunMigration,
  type DryRunOutcome,
} from '../../documents/moving/migrate-files.ts'
import type { MoveNeeds } from '../../documents/moving/move-version.ts'
import type { FirmId, StoreName } from '../../vocabulary/vocabulary.ts'
import type { MigrateOptions } from './moving-commands.ts'
import { CommandFailed, describeStoreFailure } from '../printing/explain-failure.ts'
import {
  type Amount,
  stoppedResumable,
  formatBytes,
  formatCount,
  type Printer,
  describeS3Outage,
  createWaitingPrinter,
} from '../printing/printer.ts'
import { requireFirm } from '../command/with-database.ts'
import { requireS3 } from '../command/require-s3.ts'
import { type MoveReporter, withMoveReporter } from './print-moves.ts'

type Needs = MoveNeeds & { config: Config; print: Printer; signal: AbortSignal }
type Plan = { to: StoreName; firmId: FirmId | undefined; options: MigrateOptions; total: Amount }

const patienceMs = 15 * 60_000

const storeNames: Record<StoreName, string> = { s3: 'S3', local: 'the local disk' }

/** `migrate to-s3`, `migrate to-local`. Prints why and throws `CommandFailed` when a document was not or cannot be moved. */
export async function migrateDocuments(needs: Needs, to: StoreName, options: MigrateOptions): Promise<void> {
  const { print } = needs
  await requireS3(needs)
  const firmId = options.firm as FirmId | undefined // its form was checked where options are read
  if (firmId !== undefined) await requireFirm(needs.db, firmId)
  const total = await planMigration(needs, { to, firmId })
  print.text(`${formatCount(total.files, 'file')}, ${formatBytes(total.bytes)}, to move to ${storeNames[to]}.`)

  const plan = { to, firmId, options, total }
  const isGood = await withMoveReporter(print, { total, reportFile: options.report }, (reporter) =>
    options.dryRun === true ? runDry(needs, plan, reporter) : runMigration(needs, plan, reporter),
  )
  if (!isGood) throw new CommandFailed()
}

async function runDry(
  { print, ...needs }: Needs,
  { to, firmId, options, total }: Plan,
  reporter: MoveReporter,
): Promise<boolean> {
  const outcomes: Record<DryRunOutcome, number> = { ready: 0, missing: 0, not_here: 0, wrong: 0, unreadable: 0 }
  const { concurrency } = options
  const isComplete = await dryRunMigration(needs, {
    to,
    firmId,
    concurrency,
    signal: needs.signal,
    onResult(result) {
      outcomes[result.outcome] += 1
      reporter.report(result)
    },
  })

  const { ready, ...troubles } = outcomes
  const isGood = isComplete && sumOf(troubles) === 0
  print.json({ event: 'finished', dry_run: true, ok: isGood, files: total.files, bytes: total.bytes, outcomes })
  reporter.print(
    `${print.mark(isGood)} ${formatCount(ready)} can be moved${describeTroubles(troubles)}. Nothing was changed.`,
  )
  return isGood
}

async function runMigration(
  { print, ...needs }: Needs,
  { to, firmId, options }: Plan,
  reporter: MoveReporter,
): Promise<boolean> {
  const migrated = await migrate(needs, systemActor(randomUUID()), {
    to,
    firmId,
    concurrency: options.concurrency,
    bytesPerSecond: options.rate === undefined ? undefined : options.rate * 1e6,
    deletesSource: options.deleteSource === true,
    patienceMs,
    signal: needs.signal,
    onResult: reporter.report,
    onWaiting: createWaitingPrinter(reporter.print, patienceMs),
  })

  const { moved: _, ...troubles } = migrated.outcomes
  const isGood = migrated.isComplete && sumOf(troubles) === 0
  print.json({
    event: 'finished',
    dry_run: false,
    ok: isGood,
    complete: migrated.isComplete,
    ended_by: migrated.isComplete ? null : causeOfEnd(migrated, needs.signal),
    bytes: migrated.bytes,
    outcomes: migrated.outcomes,
    sources_to_be_removed: migrated.sourcesOrdered,
  })
  summarize(print, needs, { to, migrated, isGood, troubles }).forEach(reporter.print)
  return isGood
}

/** Why the run ended early. */
function causeOfEnd({ diskFailure }: Migrated, signal: AbortSignal): 'signal' | 'disk' | 's3' {
  if (signal.aborted) return 'signal'
  return diskFailure === undefined ? 's3' : 'disk'
}

function describeEnd({ diskFailure }: Migrated, { stores, signal }: Pick<Needs, 'stores' | 'signal'>): string {
  if (signal.aborted) return stoppedResumable
  if (diskFailure === undefined) return describeS3Outage(stores)
  const { message, advice } = describeStoreFailure(diskFailure)
  return `${message} ${advice}, and run this again: it resumes.`
}

type End = { to: StoreName; migrated: Migrated; isGood: boolean; troubles: Record<string, number> }

function summarize(
  print: Printer,
  { config: { useS3 }, stores, signal }: Omit<Needs, 'print'>,
  { to, migrated, isGood, troubles }: End,
): string[] {
  const { outcomes, bytes, isComplete, sourcesOrdered } = migrated
  const lines = [
    `${print.mark(isGood)} ${formatCount(outcomes.moved)} moved, ${formatBytes(bytes)}${describeTroubles(troubles)}.`,
  ]
  if (!isComplete) lines.push(describeEnd(migrated, { stores, signal }))
  if (sourcesOrdered > 0)
    lines.push(`The running service removes ${formatCount(sourcesOrdered, 'source')} after one day.`)
  else if (outcomes.moved > 0) lines.push('The sources stay. With --delete-source they are removed after one day.')
  if (to === 's3' && !useS3) lines.push('New files are still stored on the local disk. Set USE_S3_STORAGE=true.')
  if (to === 'local' && useS3) lines.push('New files are still stored on S3. Set USE_S3_STORAGE=false.')
  return lines
}

function describeTroubles(troubles: Record<string, number>): string {
  return Object.entries(troubles)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `, ${formatCount(count)} ${outcome.replaceAll('_', ' ')}`)
    .join('')
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
