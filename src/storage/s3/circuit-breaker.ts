import { outsideOfWork } from '../../logging/spans.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { untilAborted } from '../streams/read-spooled-file.ts'
import type { S3Trouble } from './requests/s3-errors.ts'
import { S3Error } from './requests/s3-operation.ts'

/** Why the breaker is open. `s3Code`: the last error code of S3 or the network. */
export type Outage = { since: Date; trouble: S3Trouble; s3Code: string }

/** Pauses between probes double from `minPauseMs` to `maxPauseMs`, with jitter. */
export type BreakerTimes = {
  minPauseMs: number
  maxPauseMs: number
  /** If the breaker opens again within this time, the pauses keep growing. */
  stableMs: number
  /** If calls wait and none succeeded for this time, a probe checks whether S3 answers. */
  stalledMs: number
}

const defaultBreakerTimes: BreakerTimes = {
  minPauseMs: 1000,
  maxPauseMs: 30_000,
  stableMs: 60_000,
  stalledMs: 5000,
}

/** The breaker opens after so many failed attempts in a row. One call makes up to three. */
const maxFailures = 3

type Needs = {
  /** Checks whether S3 would accept an upload. Throws an `S3Error` if not. */
  probe: () => Promise<void>
  now: Clock
  times?: BreakerTimes
  onOpen?: (outage: Outage) => void
}

/**
 * `write`: stores content. `read`: everything else, including removals, which a full store still accepts. `list`: a step
 * of a listing, which may need no request.
 */
export type CallKind = 'write' | 'read' | 'list'

/** Writes are counted separately, because a store that is full or rejects writes still answers reads. */
type Side = 'write' | 'read'
type Tally = { failures: number; succeededAt: number; waiting: number; watch: NodeJS.Timeout | undefined }

/**
 * The circuit breaker of all calls to S3. After a few failures in a row it opens: calls fail at once, including those that
 * still wait, and only a background probe checks whether S3 has recovered. No user's call is ever the probe.
 */
export class CircuitBreaker {
  readonly #needs: Required<Needs>
  readonly #listeners = new Set<() => void>()
  #outage: Outage | undefined
  #opened = new AbortController()
  readonly #tallies: Record<Side, Tally> = { write: createTally(), read: createTally() }
  #closedAt = -Infinity
  #pauseMs = 0
  #timer: NodeJS.Timeout | undefined
  #isProbingStall = false
  #isEnded = false

  constructor(needs: Needs) {
    this.#needs = { times: defaultBreakerTimes, onOpen: () => undefined, ...needs }
  }

  outage(): Outage | undefined {
    return this.#outage
  }

  /** Calls the listener whenever the breaker closes. Returns a function that removes the listener. */
  onRecovery(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Makes a call, or fails at once while the breaker is open. The signal aborts when the breaker opens. */
  async call<Result>(kind: CallKind, make: (opened: AbortSignal) => Promise<Result>): Promise<Result> {
    const { signal } = this.#opened
    signal.throwIfAborted()
    const startedAt = performance.now()
    const side = kind === 'write' ? 'write' : 'read'
    this.#beginWaiting(side)
    try {
      const result = await untilAborted(make(signal), signal)
      if (kind !== 'list') this.#succeed(side)
      return result
    } catch (error) {
      this.#fail(side, error, startedAt)
      throw error
    } finally {
      this.#endWaiting(side)
    }
  }

  /** Counts a failure in the middle of a download, after its call succeeded. */
  recordReadFailure(error: unknown): void {
    this.#fail('read', error, performance.now())
  }

  #fail(side: Side, error: unknown, startedAt: number): void {
    // A disconnected client or a rejected file is no failure of S3. Nor is a call that the open breaker itself ended.
    if (!(error instanceof S3Error) || this.#outage !== undefined) return
    const { code, trouble, attempts, s3Code } = error.failure
    if (code !== 'unavailable' || trouble === undefined) {
      // Any answer about a file proves that reads work. S3 may reject a write before it checks for space and rights; only
      // `key_taken` comes last, so only it proves that writes work.
      if (side === 'read' || code === 'key_taken') this.#succeed(side)
      return
    }
    const tally = this.#tallies[side]
    // If another call succeeded meanwhile, these attempts were not failures in a row.
    tally.failures += tally.succeededAt > startedAt ? 1 : attempts
    if (tally.failures >= maxFailures) this.open(trouble, s3Code)
  }

  open(trouble: S3Trouble, s3Code: string): void {
    if (this.#outage !== undefined || this.#isEnded) return
    const { times, now, onOpen } = this.#needs
    if (performance.now() - this.#closedAt > times.stableMs) this.#pauseMs = 0
    this.#outage = { since: now(), trouble, s3Code }
    this.#opened.abort(breakerOpenError(trouble, s3Code))
    onOpen(this.#outage)
    // A wrong bucket answers every probe. Only a restart with the right bucket helps.
    if (trouble !== 'not_ours') this.#probeLater()
  }

  /** Opens for good: waiting calls fail as in an outage, and no probe runs any more. */
  shutDown(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const { watch } of Object.values(this.#tallies)) clearInterval(watch)
    this.#outage ??= { since: this.#needs.now(), trouble: 'ending', s3Code: 'Ending' }
    this.#opened.abort(breakerOpenError('ending', 'Ending'))
  }

  #succeed(side: Side): void {
    if (this.#outage !== undefined) return
    // A successful write proves that reads work too, but not the other way round.
    const proven = side === 'write' ? Object.values(this.#tallies) : [this.#tallies.read]
    for (const tally of proven) Object.assign(tally, { failures: 0, succeededAt: performance.now() })
  }

  #beginWaiting(side: Side): void {
    const tally = this.#tallies[side]
    tally.waiting += 1
    if (tally.waiting > 1) return
    tally.watch = outsideOfWork(() =>
      setInterval(() => void this.#probeWhenStalled(tally), this.#needs.times.stalledMs),
    )
    tally.watch.unref()
  }

  #endWaiting(side: Side): void {
    const tally = this.#tallies[side]
    tally.waiting -= 1
    if (tally.waiting === 0) clearInterval(tally.watch)
  }

  // A large file may wait minutes for its own timeout. A probe has a short one.
  async #probeWhenStalled({ succeededAt }: Tally): Promise<void> {
    const isQuiet = performance.now() - succeededAt >= this.#needs.times.stalledMs
    if (!isQuiet || this.#isProbingStall || this.#outage !== undefined) return
    this.#isProbingStall = true
    let isAnswered = false
    for (let probes = 0; probes < maxFailures && !isAnswered; probes += 1) isAnswered = await this.#countProbe()
    this.#isProbingStall = false
  }

  async #countProbe(): Promise<boolean> {
    const startedAt = performance.now()
    try {
      await this.#needs.probe()
      this.#succeed('write')
      return true
    } catch (error) {
      this.#fail('write', error, startedAt)
      return false
    }
  }

  #probeLater(): void {
    const { minPauseMs, maxPauseMs } = this.#needs.times
    this.#pauseMs = Math.min(maxPauseMs, Math.max(minPauseMs, this.#pauseMs * 2))
    // Jitter: several instances must not probe S3 at the same moment.
    const pauseMs = this.#pauseMs * (0.5 + Math.random() / 2)
    this.#timer = outsideOfWork(() => setTimeout(() => void this.#probe(), pauseMs))
    this.#timer.unref()
  }

  async #probe(): Promise<void> {
    try {
      await this.#needs.probe()
    } catch (error) {
      if (this.#isEnded) return
      const { trouble, s3Code } = error instanceof S3Error ? error.failure : {}
      if (this.#outage !== undefined && trouble !== undefined && s3Code !== undefined)
        this.#outage = { ...this.#outage, trouble, s3Code }
      this.#probeLater()
      return
    }
    if (!this.#isEnded) this.#close()
  }

  #close(): void {
    this.#outage = undefined
    this.#opened = new AbortController()
    for (const tally of Object.values(this.#tallies)) tally.failures = 0
    this.#closedAt = performance.now()
    for (const listener of this.#listeners) listener()
  }
}

function createTally(): Tally {
  return { failures: 0, succeededAt: -Infinity, waiting: 0, watch: undefined }
}

function breakerOpenError(trouble: S3Trouble, s3Code: string): S3Error {
  const unanswered = { status: undefined, requestId: undefined, attempts: 0 }
  return new S3Error('circuit breaker is open', { code: 'unavailable', trouble, s3Code, ...unanswered })
}
