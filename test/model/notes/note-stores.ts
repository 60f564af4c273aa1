import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { FirmName } from '../state/cast.ts'
import { allVersions, type KnownVersion, type Model, type S3State, versionsOf } from '../state/model.ts'
import { scansOf } from './note-scans.ts'

export const bothStores = ['s3', 'local'] as const

/** The possible stores of a file that is accepted now. */
export function storesOfNewFile(s3: S3State): readonly StoreName[] {
  if (s3 === 'up') return ['s3']
  return s3 === 'down' ? ['local'] : bothStores
}

/** A migration of a firm's documents runs: any of them may be moved at any moment. */
export function noteMoving(model: Model, firmName: FirmName): void {
  for (const version of versionsOf(model, firmName)) version.stores = bothStores
}

/** A migration of a firm's documents ended: complete, or with any of them moved or not. */
export function noteMigration(model: Model, firmName: FirmName, to: StoreName, isWhole: boolean): void {
  if (to === 'local') model.isMigratedToLocal = true
  for (const version of versionsOf(model, firmName)) {
    // Fallback files move to S3 by themselves, before, during or after the move in the other direction.
    const isOpen = !isWhole || (to === 'local' && version.drains && version.stores.includes('local'))
    if (!isOpen && !mayBeInQuarantine(model, version)) Object.assign(version, { stores: [to], drains: false })
    else version.stores = bothStores
  }
}

/** All fallback files are on S3 now. */
export function noteDrained(model: Model): void {
  for (const version of allVersions(model))
    // After an intermediate migration to the disk, the model cannot know which local files are fallback files.
    if (version.drains && !model.isMigratedToLocal && !mayBeInQuarantine(model, version))
      Object.assign(version, { stores: ['s3'], drains: false })
}

/** Files there are not moved any more. */
const mayBeInQuarantine = (model: Model, version: KnownVersion) => scansOf(model, version).includes('infected')
