import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import type { Known } from './explain-selectors.ts'
import { lookAtService } from './look-at-service.ts'

export type WatchedService = { service: TestService; known: Known }

/** A service on a bucket after some use, with its metrics and logs, for the tests of a file. */
export function watchedService(): WatchedService {
  return sceneOfFile(async (closing) => {
    const bucket = await freshBucket()
    closing.defer(() => bucket.remove())
    const service = await startService(s3Settings(bucket))
    closing.defer(() => service.stop())
    return { service, known: await lookAtService(service) }
  })
}
