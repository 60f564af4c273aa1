import type { StoreError } from '../storage/file-store.ts'

/** A store, or the place where backups are kept, was asked again and again in vain. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp'
  /** What it said last. */
  override readonly cause: StoreError
  /** The place, when it was that; else it was a store of papers. */
  readonly place: string | undefined

  constructor(cause: StoreError, place: string | undefined) {
    super(`${place ?? 'a store of papers'} could not be used`)
    this.cause = cause
    this.place = place
  }
}
