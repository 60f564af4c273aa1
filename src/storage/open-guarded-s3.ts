import type { Logger } from 'pino'

import type { Metrics } from '../metrics.ts'
import { type BreakerTimes, CircuitBreaker, type Outage } from './circuit-breaker.ts'
import { findCredentials } from './find-credentials.ts'
import { type GuardedS3, guardS3 } from './guard-s3.ts'
import type { S3Patience } from './s3-client.ts'
import type { S3Trouble } from './s3-errors.ts'
import { openS3Store, type S3StoreNeeds } from './s3-store.ts'

/** How long S3 is waited for, and left alone; passed in so that tests need not wait as long. */
export type S3Limits = { patience?: S3Patience; times?: BreakerTimes }

type Needs = S3StoreNeeds &
  S3Limits & { log: Pick<Logger, 'info' | 'warn' | 'error'>; metrics: Pick<Metrics, 's3Outages' | 's3Returns'> }

/** The store on S3 and its breaker, which is open from the start where there are no credentials. */
export async function openGuardedS3(needs: Needs): Promise<GuardedS3> {
  const { config, log, metrics, now = () => new Date(), times } = needs
  const store = openS3Store(needs)
  const hasCredentials = await findCredentials(config)
  const breaker = new CircuitBreaker({
    probe: () => store.probe(),
    now,
    ...(times && { times }),
    onOpen({ trouble, s3Code }: Outage) {
      metrics.s3Outages.inc({ reason: trouble })
      const line = { event: 's3_out', trouble, s3_code: s3Code }
      // Known from the start on: where S3 is not used it is as it should be, and where it is, the start says what to do.
      if (trouble === 'no_credentials' && !hasCredentials) log.warn(line, 'AWS credentials not found')
      else log.error(line, `S3 is left alone until ${untilWhat(trouble)}`)
    },
  })
  breaker.onBack(() => {
    metrics.s3Returns.inc()
    log.info({ event: 's3_back' }, 'S3 answers again')
  })

  if (!hasCredentials) breaker.open('no_credentials', 'CredentialsProviderError')
  return guardS3(store, breaker)
}

function untilWhat(trouble: S3Trouble): string {
  return trouble === 'not_ours'
    ? 'a restart: nothing in this bucket shows that it is ours, so that AWS_S3_BUCKET names a wrong one, or it was emptied'
    : 'it answers a probe again'
}
