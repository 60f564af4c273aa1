import { setTimeout as sleep } from 'node:timers/promises'

import type { Page } from 'playwright-core'

import { type Line, throttle } from '../test/support/browser/throttle.ts'
import { type Spread, spreadOf } from './figures/measure.ts'
import type { Bench } from './load/prepare.ts'
import { openFile, prepareBarePage } from './page/bare-page.ts'
import { type FirstView, measureFirstView } from './page/first-view.ts'
import { openReview, type Review, signIn } from './page/open-review.ts'
import { decideAndWait, type decisions } from './page/time-keys.ts'
import type { Kind, WaitingFile } from './page/waiting-documents.ts'

export type KeyResult = {
  name: string
  count: number
  /** From the key that ends a decision until the next preview is painted. */
  medianMs: number
  p95Ms: number
  slowestMs: number
  /** From asking for its link until the same file is painted on the bare page. */
  bareMedianMs: number
  /** The median of a round divided by that of the bare page. */
  timesBare: Spread
  byKind: Record<Kind, number>
}

export type PageResult = { keys: KeyResult[]; firstView: FirstView }

type Case = { name: string; readMs: number; line?: Line }

const cases: Case[] = [
  { name: 'read for 1 s', readMs: 1000 },
  { name: 'not read', readMs: 0 },
  { name: '20 Mbit/s, 40 ms', readMs: 1000, line: { bitsPerSecond: 20_000_000, latencyMs: 40 } },
]

const ofRound = 12
const warmUp = 4

const keyed: (keyof typeof decisions)[] = ['accept', 'accept', 'reject', 'accept', 'skip', 'accept']

/** How long a reviewer waits for the next document, and a firm for its first view, in a real browser. */
export async function benchPage(bench: Bench): Promise<PageResult> {
  await using opened = new AsyncDisposableStack()
  const count = warmUp + cases.length * bench.rounds * ofRound + 1
  const review = await openReview(bench, opened, count)
  const desk = await signIn(review, review.reviewer, '/review')
  await desk.locator('.cards li').first().waitFor()
  const bare = await (await review.browser.newContext()).newPage()
  await prepareBarePage(bare, review.origin)

  const [first, ...waiting] = review.waiting
  if (first === undefined) throw new Error('no document waits')
  await decideAndWait(desk, 'skip', first)
  const scene = { bench, review, desk, bare, waiting }
  await measureRound(scene, { name: 'warm up', readMs: 500 }, warmUp)
  const keys: KeyResult[] = []
  for (const each of cases) keys.push(await measureCase(scene, each))
  return { keys, firstView: await measureFirstView(bench, review) }
}

type Scene = { bench: Bench; review: Review; desk: Page; bare: Page; waiting: WaitingFile[] }
type Round = { file: WaitingFile; ms: number; bareMs: number }[]

async function measureCase(scene: Scene, each: Case): Promise<KeyResult> {
  const { bench, desk, bare } = scene
  const sessions = each.line === undefined ? [] : [await throttle(desk, each.line), await throttle(bare, each.line)]
  const rounds: Round[] = []
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.signal.throwIfAborted()
    bench.print(`Keys of a reviewer, ${each.name}, round ${round + 1}.`)
    rounds.push(await measureRound(scene, each, ofRound))
  }
  for (const session of sessions) await session.detach()
  const all = rounds.flat()
  const sorted = all.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return {
    name: each.name,
    count: all.length,
    medianMs: spreadOf(sorted).median,
    p95Ms: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN,
    slowestMs: sorted.at(-1) ?? Number.NaN,
    bareMedianMs: medianOf(all.map(({ bareMs }) => bareMs)),
    timesBare: spreadOf(
      rounds.map((round) => medianOf(round.map(({ ms }) => ms)) / medianOf(round.map(({ bareMs }) => bareMs))),
    ),
    byKind: Object.fromEntries(
      Map.groupBy(all, ({ file }) => file.kind)
        .entries()
        .map(([kind, files]) => [kind, medianOf(files.map(({ ms }) => ms))]),
    ) as Record<Kind, number>,
  }
}

function medianOf(values: number[]): number {
  return spreadOf(values).median
}

async function measureRound({ review, desk, bare, waiting }: Scene, { readMs }: Case, count: number): Promise<Round> {
  const files = waiting.splice(0, count)
  const decided: number[] = []
  for (const [index, file] of files.entries()) {
    await sleep(readMs)
    decided.push(await decideAndWait(desk, keyed[index % keyed.length] ?? 'accept', file))
  }
  const opened: number[] = []
  for (const file of files) opened.push(await openFile(bare, file, review.headers))
  return files.map((file, index) => ({ file, ms: decided[index] ?? Number.NaN, bareMs: opened[index] ?? Number.NaN }))
}
