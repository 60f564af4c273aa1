import type { S3Client } from '@aws-sdk/client-s3'

import { logContext } from '../logger-context.ts'
import { hasHeaders } from './has-headers.ts'

/**
 * Tells S3 in each call's `User-Agent` which request or job it is made for. S3's log of accesses keeps that, also of a
 * call whose answer never came. The header is no part of what is signed.
 */
export function nameWhoseWork(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request_id: request, job_id: job } = logContext()
      const whose = job === undefined ? request && ` (request ${request})` : ` (job ${job})`
      if (whose !== undefined && hasHeaders(args.request)) args.request.headers['user-agent'] += whose
      return next(args)
    },
    // The SDK's own part of the header is put in at the same place, and was there first.
    { name: 'nameWhoseWork', step: 'build', priority: 'low' },
  )
}
