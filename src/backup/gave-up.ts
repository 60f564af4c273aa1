import type { StoreError } from '../storage/file-store.ts'

/** A store, or the place where backups are kept, was asked again and again in vain. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp'
  /** What it said last: of the place a `PlaceFailure`. */
  override readonly cause: StoreError

  constructor(cause: StoreError) {
    super(`asked again and again in vain: ${cause.message}`)
    this.cause = cause
  }
}
