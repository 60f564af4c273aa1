import { afterAll, beforeAll } from 'vitest'

import { type FreshBucket, freshBucket } from './fresh-bucket.ts'
import { s3Settings } from './s3-settings.ts'
import { startService, type TestService } from './start-service.ts'

export type BothStores = { bucket: FreshBucket; onS3: TestService; onDisk: TestService }

/** Gives the tests of a file two services, one on a bucket and one on local storage. Read them inside tests alone. */
export function serviceOnBothStores(): BothStores {
  const given: Partial<BothStores> = {}
  beforeAll(async () => {
    given.bucket = await freshBucket()
    given.onS3 = await startService(s3Settings(given.bucket))
    given.onDisk = await startService()
  })
  afterAll(async () => {
    await given.onS3?.stop()
    await given.onDisk?.stop()
    await given.bucket?.remove()
  })

  const read = <Name extends keyof BothStores>(name: Name): BothStores[Name] => {
    const value = given[name]
    if (value === undefined) throw new Error(`${name} is there inside tests alone`)
    return value
  }
  return {
    get bucket() {
      return read('bucket')
    },
    get onS3() {
      return read('onS3')
    },
    get onDisk() {
      return read('onDisk')
    },
  }
}
