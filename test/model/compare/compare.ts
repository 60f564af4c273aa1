import { setTimeout as sleep } from 'node:timers/promises'

import pLimit from 'p-limit'

import { listAll } from '../verbs/browse.ts'
import { type FirmName, firmNames, type PersonName } from '../state/cast.ts'
import { compareLinks } from '../verbs/compare-links.ts'
import { comparePlatform } from './compare-platform.ts'
import { compareRows } from './compare-rows.ts'
import { compareExpired, compareReserved, hasUnfinished, settleResumable } from './compare-resumable.ts'
import { compareDestroyed, compareStored } from './compare-stored.ts'
import { download } from '../verbs/download.ts'
import { allVersions, differs, type KnownDocument, type Model, nameOf } from '../state/model.ts'
import { noteList } from '../notes/note-list.ts'
import { noteScanner, scansOf } from '../notes/note-scans.ts'
import { comparePurged } from '../verbs/purge.ts'
import { markRequests } from '../state/request-marks.ts'
import { untilScanned } from '../verbs/scans.ts'
import { lookAtVersions } from '../verbs/versions.ts'
import type { Real } from '../state/verb.ts'

const together = pLimit(6)

const readers = { Umkhonto: 'Thandi', Ubuntu: 'Pieter' } as const satisfies Record<FirmName, PersonName>

/** The end of every history: all faults are over, and the state must match the model. */
export async function compareAll(model: Model, real: Real): Promise<void> {
  markRequests(real, 'end')
  await endFaults(model, real)
  await settleResumable(model, real)
  await untilScanned(model, real)
  await untilDrained(real)
  await collectIfDue(model, real)
  await compareLinks(model, real, 'all')

  for (const firm of firmNames) {
    const by = readers[firm]
    noteList(model, firm, await listAll(real, by))
    noteList(model, firm, await listAll(real, by, { withTrash: true }), { withTrash: true })
    const each = model.firms[firm].documents.map((document) =>
      together(() => compareVersions({ model, real }, by, document)),
    )
    await Promise.all(each)
    await comparePlatform(model, real, firm)
    await compareRows(model, real, firm)
    await comparePurged(model, real, firm)
  }
  await compareReserved(real)
  await compareStored(real)
  await destroyPurged(model, real)
}

async function endFaults(model: Model, { world }: Real): Promise<void> {
  await world.setS3('up')
  await world.scanner?.set('up')
  if (model.scanner !== 'none') noteScanner(model, 'up')
  await world.service.start()
  if (model.s3 !== 'up' || !model.isServing) await world.untilUploadsGoToS3()
  model.isServing = true
}

/**
 * Purged and quarantined files leave nothing at their old location, including those that an earlier collection
 * postponed. Unfinished uploads expire.
 */
async function collectIfDue(model: Model, real: Real): Promise<void> {
  const { world } = real
  const isAnyInQuarantine = allVersions(model).some((each) => scansOf(model, each).includes('infected'))
  const isAnyPurged = firmNames.some((name) => model.firms[name].purged.length > 0)
  if (!isAnyInQuarantine && !isAnyPurged && !hasUnfinished(model)) return
  const ended = await world.service.run({ verb: 'collect', inHours: 96 })
  if (ended.code !== 0) differs(`what is due was not collected: ${ended.why}`)
  await compareExpired(model, real)
}

/** An operator destroys all files of purged documents. Then none of them can be read anywhere. */
async function destroyPurged(model: Model, real: Real): Promise<void> {
  if (firmNames.every((name) => model.firms[name].purged.length === 0)) return
  const ended = await real.world.service.run({ verb: 'destroy' })
  if (ended.code !== 0) differs(`what was purged could not be destroyed: ${ended.why}`)
  await compareDestroyed(real)
}

async function compareVersions(at: { model: Model; real: Real }, by: PersonName, document: KnownDocument) {
  const { model, real } = at
  await lookAtVersions(model, real, by, document)
  for (const [index, version] of document.versions.entries()) {
    const isInQuarantine = scansOf(model, version).includes('infected')
    if (version.drains && !model.isMigratedToLocal && !isInQuarantine)
      differs(`${nameOf(document)} is still on the disk`)
    await download(at, by, document, { number: index + 1 })
  }
}

const drainedWithinMs = 90_000

/** Fallback files move to S3 by themselves now. Quarantined files stay. */
async function untilDrained({ world, firms }: Real): Promise<void> {
  const ids = Object.values(firms)
  for (const giveUpAt = Date.now() + drainedWithinMs; ; await sleep(20)) {
    const waiting = await world.db
      .selectFrom('document_versions')
      .select('storage_key')
      .where('is_fallback', '=', true)
      .where('bytes_state', '<>', 'removed')
      .where('firm_id', 'in', ids)
      .execute()
    if (waiting.length === 0) return
    if (Date.now() > giveUpAt) differs(`still on the disk, although S3 is back: ${JSON.stringify(waiting)}`)
  }
}
