import type { GaveUp } from '../backup/patient-place.ts'
import { AppError } from '../errors.ts'
import { tellStoreFailure } from './tell-store-failure.ts'

/** What the end of a backup's patience is to people. `whatStands`: what a second run finds of the first. */
export function explainGivenUp(error: GaveUp, whatStands: string): AppError {
  const { says, advice } = tellStoreFailure(error.cause)
  return new AppError('store_unavailable', `${says} ${advice}, and run this again: ${whatStands}.`, { cause: error })
}
