import { StoreError } from '../file-store.ts'
import { handOn } from '../hand-on.ts'
import { localFailure } from '../local-errors.ts'
import { S3Error } from '../s3-operation.ts'
import type { BackupPlace } from './backup-place.ts'
import { PlaceFailure } from './place-failure.ts'

/**
 * What cannot serve says which place it is, also in the middle of a file: whoever hears of it may use another store too.
 * `policy`: as a `PlaceFailure` has it.
 */
export function namedPlace(place: BackupPlace, policy?: string): BackupPlace {
  const { shown } = place
  const naming = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work()
    } catch (error) {
      throw nameFailure(error, shown, policy)
    }
  }
  return {
    shown,
    write: async (name, content) => naming(async () => place.write(name, content)),
    read: async (name) =>
      handOn(await naming(async () => place.read(name)), (error) => nameFailure(error, shown, policy)),
    sizeOf: async (name) => naming(async () => place.sizeOf(name)),
    list: async (folder) => naming(async () => place.list(folder)),
    remove: async (name) => naming(async () => place.remove(name)),
    putAside: async (name, aside, mayGo) => naming(async () => place.putAside(name, aside, mayGo)),
    close: () => place.close(),
  }
}

function nameFailure(error: unknown, place: string, policy: string | undefined): unknown {
  // What is a store's failure already, and not S3's, is that of the disk which the bytes came from.
  if (error instanceof StoreError && !(error instanceof S3Error)) return error
  const failure = localFailure(error)
  return failure instanceof StoreError && failure.code === 'unavailable'
    ? new PlaceFailure(failure, place, policy)
    : failure
}
