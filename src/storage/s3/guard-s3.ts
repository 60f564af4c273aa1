import type { Readable } from 'node:stream'

import type { Logger } from 'pino'

import type { Metrics } from '../../metrics/metrics.ts'
import { type BreakerTimes, CircuitBreaker, type Outage } from './circuit-breaker.ts'
import type { FileStat } from '../file-store.ts'
import { hasCredentials, type S3Timeouts } from './requests/retrying-s3-client.ts'
import type { S3Trouble } from './requests/s3-errors.ts'
import { openS3Store, type S3Store, type S3StoreNeeds } from './s3-store.ts'

/** Timeouts of requests and pauses of the breaker. Tests pass shorter ones. */
export type S3Limits = { timeouts?: S3Timeouts; breakerTimes?: BreakerTimes }

type Needs = S3StoreNeeds &
  S3Limits & { log: Pick<Logger, 'info' | 'warn' | 'error'>; metrics: Pick<Metrics, 's3Outages' | 's3Recoveries'> }

/** Opens the store on S3 behind its circuit breaker. Without credentials the breaker starts open. */
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
    ? 'a restart: nothing in this bucket shows that it is ours, so AWS_S3_BUCKET names the wrong bucket, or it was emptied'
    : 'it answers a probe again'
}

/** The store on S3 behind its circuit breaker. During an outage every call fails at once with `unavailable`. */
export type GuardedS3 = S3Store & {
  /** The current outage: its start and reason. */
  outage(): Outage | undefined
  /** Calls the listener after each outage. Returns a function that removes the listener. */
  onRecovery(listener: () => void): () => void
  /** Opens the breaker for this reason. */
  reportOutage(trouble: S3Trouble, s3Code: string): void
  /** Opens the breaker for good, so that waiting calls fail at once. */
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
    parts: {
      open: (key, facts) => breaker.call('write', () => store.parts.open(key, facts)),
      send: (to, part) => breaker.call('write', (opened) => store.parts.send(to, part, opened)),
      putRest: (key, rest) => breaker.call('write', (opened) => store.parts.putRest(key, rest, opened)),
      complete: (to, file) => breaker.call('write', () => store.parts.complete(to, file)),
    },
    abortMultipart: (key, id) => breaker.call('read', () => store.abortMultipart(key, id)),
    listUnfinished: (after) => breaker.call('read', () => store.listUnfinished(after)),
    quarantine: {
      copy: (from, to) => breaker.call('write', () => store.quarantine.copy(from, to)),
      read: (key) => breaker.call('read', (opened) => readUnlessOpened(breaker, opened, store.quarantine.read(key))),
      remove: (key) => breaker.call('read', () => store.quarantine.remove(key)),
    },
    // `read`: a claim may have nothing to write.
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
    // Sends no request.
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
  // The caller has already got the breaker's error.
  if (opened.aborted) bytes.on('error', () => undefined).destroy()
  else bytes.once('error', (error) => breaker.recordReadFailure(error))
  return bytes
}

async function* listThrough(breaker: CircuitBreaker, files: AsyncIterable<FileStat>): AsyncGenerator<FileStat> {
  const each = files[Symbol.asyncIterator]()
  try {
    for (;;) {
      // Most steps return a file of the current page without a request.
      const next = await breaker.call('list', () => each.next())
      if (next.done) return
      yield next.value
    }
  } finally {
    // Not awaited: it would wait for the pending page.
    each.return?.().catch(() => undefined)
  }
}
