import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { FirmName } from '../state/cast.ts'
import { allVersions, type KnownVersion, type Model, type S3State, versionsOf } from '../state/model.ts'
import { scansOf } from './note-scans.ts'

export const bothStores = ['s3', 'local'] as const

/** Where a file that is taken now may go. */
export function storesOfNewFile(s3: S3State): readonly StoreName[] {
  if (s3 === 'up') return ['s3']
  return s3 === 'down' ? ['local'] : bothStores
}

/** A migration of a firm’s documents runs: any of them may be moved at any moment. */
export function noteMoving(model: Model, firmName: FirmName): void {
  for (const version of versionsOf(model, firmName)) version.stores = bothStores
}

/** A migration of a firm’s documents ended: whole, or so that any of them may have been moved or not. */
export function noteMigration(model: Model, firmName: FirmName, to: StoreName, isWhole: boolean): void {
  if (to === 'local') model.isMigratedToLocal = true
  for (const version of versionsOf(model, firmName)) {
    // What waits on the disk for S3 goes there by itself, before, while or after everything is moved the other way.
    const isOpen = !isWhole || (to === 'local' && version.drains && version.stores.includes('local'))
    if (!isOpen && !mayBeInQuarantine(model, version)) Object.assign(version, { stores: [to], drains: false })
    else version.stores = bothStores
  }
}

/** All that waited on the disk for S3 is there now. */
export function noteDrained(model: Model): void {
  for (const version of allVersions(model))
    // Where a migration to the disk was in between, nobody can say of what lies there that it waits.
    if (version.drains && !model.isMigratedToLocal && !mayBeInQuarantine(model, version))
      Object.assign(version, { stores: ['s3'], drains: false })
}

/** What is there is moved nowhere any more. */
const mayBeInQuarantine = (model: Model, version: KnownVersion) => scansOf(model, version).includes('infected')
