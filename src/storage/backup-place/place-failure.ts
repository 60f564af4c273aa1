import { StoreError } from '../file-store.ts'

/** The place where backups are kept cannot serve; its cause is what the disk, or S3, said. */
export class PlaceFailure extends StoreError {
  override readonly cause: StoreError
  /** As it was asked for. */
  readonly place: string
  /** Of deploy/policies: the one that gives all rights that this work takes there. */
  readonly policy: string | undefined

  constructor(cause: StoreError, place: string, policy?: string) {
    super('unavailable', cause.message)
    this.cause = cause
    this.place = place
    this.policy = policy
  }
}
