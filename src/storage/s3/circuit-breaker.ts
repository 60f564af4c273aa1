import { outsideOfWork } from '../../logging/spans.ts'
import type { Clock } from '../../vocabulary/vocabulary.ts'
import { untilAborted } from '../streams/read-spooled-file.ts'
import type { S3Trouble } from './requests/s3-errors.ts'
import { S3Error } from './requests/s3-operation.ts'

/** S3 is left alone. `s3Code`: what it, or the network, said last. */
export type Outage = { since: Date; trouble: S3Trouble; s3Code: string }

/** How the breaker takes its time. Pauses between probes grow from the first to the second, and vary by a half. */
export type BreakerTimes = {
  minPauseMs: number
  maxPauseMs: number
  /** One that opens so soon after a probe's success goes on with the longer pause. */
  stableMs: number
  /** When calls wait and none of them got through for so long, a probe finds out whether they wait in vain. */
  stalledMs: number
}

export const defaultBreakerTimes: BreakerTimes = {
  minPauseMs: 1000,
  maxPauseMs: 30_000,
  stableMs: 60_000,
  stalledMs: 5000,
}

/** So many failed attempts with no success in between; a call that fails has made up to three. */
const mostFailures = 3

type Needs = {
  /** Asks S3 what an upload will ask it; throws an `S3Error` when that does not work. */
  probe: () => Promise<void>
  now: Clock
  times?: BreakerTimes
  onOpen?: (outage: Outage) => void
}

/**
 * `write`: puts bytes there. `read`: all else, also a removal, which a full store still takes. `list`: a step of a
 * listing, for which S3 was perhaps not asked at all.
 */
export type CallKind = 'write' | 'read' | 'list'

/** Writes and the rest are counted apart: a store that is full, or takes nothing from us, still answers what is read. */
type Side = 'write' | 'read'
type Tally = { failures: number; succeededAt: number; waiting: number; watch: NodeJS.Timeout | undefined }

/**
 * Stands before every call to S3. After a few failures in a row it opens: from then on calls fail at once, also those that
 * still wait, and a probe in the background alone asks whether S3 is back. No person's call ever is the probe.
 */
export class CircuitBreaker {
  readonly #needs: Required<Needs>
  readonly #listeners = new Set<() => void>()
  #outage: Outage | undefined
  #opened = new AbortController()
  readonly #tallies: Record<Side, Tally> = { write: newTally(), read: newTally() }
  #closedAt = -Infinity
  #pauseMs = 0
  #timer: NodeJS.Timeout | undefined
  #isSuspecting = false
  #isEnded = false

  constructor(needs: Needs) {
    this.#needs = { times: defaultBreakerTimes, onOpen: () => undefined, ...needs }
  }

  outage(): Outage | undefined {
    return this.#outage
  }

  /** Called whenever it closes; the function given back ends that. */
  onRecovery(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Makes a call, or fails at once. The signal aborts when the breaker opens, and the caller stops waiting. */
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

  /** For what goes wrong in the middle of a download, after its call was answered. */
  recordReadFailure(error: unknown): void {
    this.#fail('read', error, performance.now())
  }

  #fail(side: Side, error: unknown, startedAt: number): void {
    // Neither a client that went away nor a refused file says anything of S3; nor does what the opening itself ended.
    if (!(error instanceof S3Error) || this.#outage !== undefined) return
    const { code, trouble, attempts, s3Code } = error.failure
    if (code !== 'unavailable' || trouble === undefined) {
      // Any answer about a file is one to a reading. A write that is refused may be so before S3 finds that it has no
      // room or right for it; that the key is taken comes last of all.
      if (side === 'read' || code === 'key_taken') this.#succeed(side)
      return
    }
    const tally = this.#tallies[side]
    // Where others got through meanwhile, its attempts were no row of failures.
    tally.failures += tally.succeededAt > startedAt ? 1 : attempts
    if (tally.failures >= mostFailures) this.open(trouble, s3Code)
  }

  open(trouble: S3Trouble, s3Code: string): void {
    if (this.#outage !== undefined || this.#isEnded) return
    const { times, now, onOpen } = this.#needs
    if (performance.now() - this.#closedAt > times.stableMs) this.#pauseMs = 0
    this.#outage = { since: now(), trouble, s3Code }
    this.#opened.abort(leftAlone(trouble, s3Code))
    onOpen(this.#outage)
    // A wrong bucket answers every probe; only a restart with the right one helps.
    if (trouble !== 'not_ours') this.#probeLater()
  }

  /** Ends for good: what still waits fails as if S3 were out, and nothing is asked any more. */
  shutDown(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
    for (const { watch } of Object.values(this.#tallies)) clearInterval(watch)
    this.#outage ??= { since: this.#needs.now(), trouble: 'ending', s3Code: 'Ending' }
    this.#opened.abort(leftAlone('ending', 'Ending'))
  }

  #succeed(side: Side): void {
    if (this.#outage !== undefined) return
    // Where S3 takes files it is there for all else too; what it gives says nothing of what it takes.
    const proven = side === 'write' ? Object.values(this.#tallies) : [this.#tallies.read]
    for (const tally of proven) Object.assign(tally, { failures: 0, succeededAt: performance.now() })
  }

  #beginWaiting(side: Side): void {
    const tally = this.#tallies[side]
    tally.waiting += 1
    if (tally.waiting > 1) return
    tally.watch = outsideOfWork(() => setInterval(() => void this.#suspect(tally), this.#needs.times.stalledMs))
    tally.watch.unref()
  }

  #endWaiting(side: Side): void {
    const tally = this.#tallies[side]
    tally.waiting -= 1
    if (tally.waiting === 0) clearInterval(tally.watch)
  }

  // A large file may wait for minutes until its own patience is at an end; a probe has little.
  async #suspect({ succeededAt }: Tally): Promise<void> {
    const isQuiet = performance.now() - succeededAt >= this.#needs.times.stalledMs
    if (!isQuiet || this.#isSuspecting || this.#outage !== undefined) return
    this.#isSuspecting = true
    let isAnswered = false
    for (let probes = 0; probes < mostFailures && !isAnswered; probes += 1) isAnswered = await this.#look()
    this.#isSuspecting = false
  }

  async #look(): Promise<boolean> {
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
    // Several instances that lost S3 together do not come back to it together.
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

function newTally(): Tally {
  return { failures: 0, succeededAt: -Infinity, waiting: 0, watch: undefined }
}

function leftAlone(trouble: S3Trouble, s3Code: string): S3Error {
  const unanswered = { status: undefined, requestId: undefined, attempts: 0 }
  return new S3Error('is left alone', { code: 'unavailable', trouble, s3Code, ...unanswered })
}
