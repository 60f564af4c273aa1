import type { Logger } from 'pino'

import { openApp } from '../../../src/app.ts'
import { drainDisk } from '../../../src/cli/storage/drain-disk.ts'
import { CommandFailed, explainFailure } from '../../../src/cli/printing/explain-failure.ts'
import { migrateDocuments } from '../../../src/cli/storage/migrate-documents.ts'
import type { Printer } from '../../../src/cli/printing/printer.ts'
import { purgeDocuments } from '../../../src/cli/purge/purge-documents.ts'
import { verifyDocuments } from '../../../src/cli/verify/verify-documents.ts'
import type { Config } from '../../../src/config/load-config.ts'
import { systemActor } from '../../../src/database/audit/events.ts'
import { type FinishNeeds, finishUploads } from '../../../src/documents/resumable/finish-uploads.ts'
import { collectBlobs, type CollectNeeds } from '../../../src/documents/stores/collect-blobs.ts'
import { type ScanStoredNeeds, scanStored } from '../../../src/documents/scanning/scan-due-versions.ts'
import { reachableStores } from '../../../src/documents/stores/reachable-stores.ts'
import type { FirmId, StoreName } from '../../../src/vocabulary/vocabulary.ts'
import { impatience, verifyPatienceMs } from './impatience.ts'

export type Command =
  | { verb: 'migrate'; to: StoreName; firm: FirmId; deletesSource: boolean }
  | { verb: 'drain' }
  | { verb: 'purge' }
  /** `purge --now` with an operator's permissions: destroys all files of purged documents, including old versions. */
  | { verb: 'destroy' }
  /** Not a command: the work that the service does continuously, as if these hours had passed. */
  | { verb: 'collect'; inHours: number }
  /** Not commands either: the service's work of every minute, in every store. */
  | { verb: 'scan' }
  | { verb: 'finish' }
  | { verb: 'verify'; repairs: boolean; report: string }

/** The end of a process. `why`: its output, if it failed. */
export type Ended = { code: 0 | 1; why: string }

/** Prints nothing, and remembers what the command did not do. */
function createSilentPrinter(notDone: unknown[]): Printer {
  return {
    isJson: true,
    text: () => undefined,
    json: (object) => {
      if ('outcome' in object && object.outcome !== 'purged') notDone.push(object)
    },
    paint: (_style, text) => text,
    mark: () => '',
  }
}

/** Runs the code of a command next to the service, with its own pool and breaker. */
export async function runCommand({ config, log }: { config: Config; log: Logger }, command: Command): Promise<Ended> {
  const notDone: unknown[] = []
  try {
    const app = await openApp(config, log, impatience)
    try {
      await carryOut({ ...app, print: createSilentPrinter(notDone), signal: new AbortController().signal }, command)
    } finally {
      await app.close()
    }
    return { code: 0, why: '' }
  } catch (error) {
    if (error instanceof CommandFailed) return { code: 1, why: `it did not do all: ${JSON.stringify(notDone)}` }
    log.error({ event: 'failed', err: error }, 'the command failed')
    return { code: 1, why: explainFailure(error).message }
  }
}

type Needs = Parameters<typeof migrateDocuments>[0] &
  Parameters<typeof verifyDocuments>[0] &
  Parameters<typeof purgeDocuments>[0] &
  CollectNeeds &
  ScanStoredNeeds &
  Omit<FinishNeeds, 'secondFactor'>

const hourMs = 60 * 60 * 1000

async function carryOut(needs: Needs, command: Command): Promise<void> {
  switch (command.verb) {
    case 'migrate': {
      const { to, firm, deletesSource } = command
      return migrateDocuments(needs, to, { concurrency: 8, firm, ...(deletesSource && { deleteSource: true }) })
    }
    case 'drain':
      return drainDisk(needs, { concurrency: 4 })
    case 'purge':
      return purgeDocuments(needs, {})
    case 'destroy':
      return purgeDocuments(needs, { now: true })
    case 'collect':
      return collectAll(needs, command.inHours)
    case 'scan':
      return scanAll(needs)
    case 'finish':
      return finishAll(needs)
    case 'verify':
      return verifyAll(needs, command)
  }
}

async function verifyAll(needs: Needs, { report, repairs }: Extract<Command, { verb: 'verify' }>): Promise<void> {
  const options = { concurrency: 4, read: true, report, ...(repairs && { repair: true as const }) }
  await verifyDocuments({ ...needs, patienceMs: verifyPatienceMs }, options)
}

async function scanAll(needs: ScanStoredNeeds & Pick<CollectNeeds, 'stores'> & { signal: AbortSignal }): Promise<void> {
  for (const here of reachableStores(needs.stores))
    await scanStored(needs, systemActor('a history'), here, needs.signal)
}

async function finishAll(needs: Needs & { signal: AbortSignal }): Promise<void> {
  await finishUploads({ ...needs, secondFactor: 'off' }, 'a history', needs.signal)
}

async function collectAll(needs: CollectNeeds & { signal: AbortSignal }, inHours: number): Promise<void> {
  const { left } = await collectBlobs({ ...needs, now: () => new Date(Date.now() + inHours * hourMs) }, needs.signal)
  if (left > 0) throw new CommandFailed()
}
