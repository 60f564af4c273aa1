import { type FreshBucket, freshBucket } from '../s3/fresh-bucket.ts'
import { s3Settings } from '../s3/s3-settings.ts'
import { sceneOfFile } from './scene-of-file.ts'
import { startService, type TestService } from './start-service.ts'

export type BothStores = { bucket: FreshBucket; onS3: TestService; onDisk: TestService }

/** Two services, one with a bucket and one with local storage, for the tests of a file. Read them only inside tests. */
export function serviceOnBothStores(): BothStores {
  return sceneOfFile(async (closing) => {
    const bucket = await freshBucket()
    closing.defer(() => bucket.remove())
    const onS3 = await startService(s3Settings(bucket))
    closing.defer(() => onS3.stop())
    const onDisk = await startService()
    closing.defer(() => onDisk.stop())
    return { bucket, onS3, onDisk }
  })
}
