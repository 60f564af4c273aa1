import type { Readable } from 'node:stream'

import type { Logger } from 'pino'

import type { Metrics } from '../../metrics/metrics.ts'
import { type BreakerTimes, CircuitBreaker, type Outage } from './circuit-breaker.ts'
import type { FileStat } from '../file-store.ts'
import { hasCredentials, type S3Timeouts } from './requests/retrying-s3-client.ts'
import type { S3Trouble } from './requests/s3-errors.ts'
import { openS3Store, type S3Store, type S3StoreNeeds } from './s3-store.ts'

/** How long S3 is waited for, and left alone; passed in so that tests need not wait as long. */
export type S3Limits = { timeouts?: S3Timeouts; breakerTimes?: BreakerTimes }

type Needs = S3StoreNeeds &
  S3Limits & { log: Pick<Logger, 'info' | 'warn' | 'error'>; metrics: Pick<Metrics, 's3Outages' | 's3Recoveries'> }

/** The store on S3 and its breaker, which is open from the start where there are no credentials. */
export async function openGuardedS3(needs: Needs): Promise<GuardedS3> {
  const { config, log, metrics, now = () => new Date(), breakerTimes: times } = needs
  const store = openS3Store(needs)
  const isAuthenticated = await hasCredentials(config)
  const breaker = new CircuitBreaker({
    probe: () => store.probe(),
    now,
    ...(times && { times }),
    onOpen({ trouble, s3Code }: Outage) {
      metrics.s3Outages.inc({ reason: trouble })
      const line = { event: 's3_out', trouble, s3_code: s3Code }
      // Known from the start on: where S3 is not used it is as it should be, and where it is, the start says what to do.
      if (trouble === 'no_credentials' && !isAuthenticated) log.warn(line, 'AWS credentials not found')
      else log.error(line, `S3 is left alone until ${untilWhat(trouble)}`)
    },
  })
  breaker.onRecovery(() => {
    metrics.s3Recoveries.inc()
    log.info({ event: 's3_back' }, 'S3 answers again')
  })

  if (!isAuthenticated) breaker.open('no_credentials', 'CredentialsProviderError')
  return guardS3(store, breaker)
}

function untilWhat(trouble: S3Trouble): string {
  return trouble === 'not_ours'
    ? 'a restart: nothing in this bucket shows that it is ours, so that AWS_S3_BUCKET names a wrong one, or it was emptied'
    : 'it answers a probe again'
}

/** The store on S3 behind its circuit breaker: while S3 is out every call of it fails at once with `unavailable`. */
export type GuardedS3 = S3Store & {
  /** Since when S3 is left alone, and why; undefined while it is not. */
  outage(): Outage | undefined
  /** Tells each time that S3 is back; the function given back ends that. */
  onRecovery(listener: () => void): () => void
  /** Leaves S3 alone from now on, as if it had failed for this reason. */
  reportOutage(trouble: S3Trouble, s3Code: string): void
  /** Leaves S3 alone for good: what still waits for it fails at once. */
  shutDown(): void
}

export function guardS3(store: S3Store, breaker: CircuitBreaker): GuardedS3 {
  return {
    name: store.name,
    write: (key, file) =>
      breaker.call('write', (opened) => {
        const signal = file.signal === undefined ? opened : AbortSignal.any([file.signal, opened])
        return store.write(key, { ...file, signal })
      }),
    read: (key, range) => breaker.call('read', (opened) => readUnlessOpened(breaker, opened, store.read(key, range))),
    stat: (key) => breaker.call('read', () => store.stat(key)),
    remove: (key) => breaker.call('read', () => store.remove(key)),
    removeMany: (keys) => breaker.call('read', () => store.removeMany(keys)),
    list: (prefix) => listThrough(breaker, store.list(prefix)),
    probe: () => store.probe(),
    abortMultipart: (key, id) => breaker.call('read', () => store.abortMultipart(key, id)),
    listUnfinished: (after) => breaker.call('read', () => store.listUnfinished(after)),
    quarantine: {
      copy: (from, to) => breaker.call('write', () => store.quarantine.copy(from, to)),
      read: (key) => breaker.call('read', (opened) => readUnlessOpened(breaker, opened, store.quarantine.read(key))),
      remove: (key) => breaker.call('read', () => store.quarantine.remove(key)),
    },
    // A claim may find that it has nothing to write.
    ownership: {
      find: () => breaker.call('read', () => store.ownership.find()),
      claim: (id) => breaker.call('read', () => store.ownership.claim(id)),
    },
    findAnything: () => breaker.call('list', () => store.findAnything()),
    versions: {
      findMissingRight: () => breaker.call('read', () => store.versions.findMissingRight()),
      destroy: (key) => breaker.call('read', () => store.versions.destroy(key)),
    },
    setLegalHold: (key, isHeld) => breaker.call('read', () => store.setLegalHold(key, isHeld)),
    findNoncurrentDays: (key) => breaker.call('read', () => store.findNoncurrentDays(key)),
    // Asks nobody.
    signDownload: (key, link) => store.signDownload(key, link),
    outage: () => breaker.outage(),
    onRecovery: (listener) => breaker.onRecovery(listener),
    reportOutage: (trouble, s3Code) => breaker.open(trouble, s3Code),
    shutDown: () => breaker.shutDown(),
    close() {
      breaker.shutDown()
      store.close()
    },
  }
}

async function readUnlessOpened(
  breaker: CircuitBreaker,
  opened: AbortSignal,
  reading: Promise<Readable>,
): Promise<Readable> {
  const bytes = await reading
  // Nobody waits for it any more.
  if (opened.aborted) bytes.on('error', () => undefined).destroy()
  else bytes.once('error', (error) => breaker.recordReadFailure(error))
  return bytes
}

async function* listThrough(breaker: CircuitBreaker, files: AsyncIterable<FileStat>): AsyncGenerator<FileStat> {
  const each = files[Symbol.asyncIterator]()
  try {
    for (;;) {
      // Most steps hand on what came with the page before.
      const next = await breaker.call('list', () => each.next())
      if (next.done) return
      yield next.value
    }
  } finally {
    // Not waited for: it would wait for a page that S3 may owe for long.
    each.return?.().catch(() => undefined)
  }
}
