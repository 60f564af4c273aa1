import type { CostFacts, FileGroup } from '../../database/documents/cost-facts.ts'
import { dailyShare } from '../verifying/verification.ts'
import type { Prices } from './read-prices.ts'

/** What the bucket's lifecycle does with files, as `s3 setup` gives it. */
export type Lifecycle = {
  /** What was removed goes to STANDARD_IA so many days after; undefined: never. */
  hiddenToIaDays: number | undefined
  /** And is gone so many days after. */
  hiddenGoneDays: number
  /** What is not removed goes to STANDARD_IA so many days after it came; undefined: never. */
  keptToIaDays: number | undefined
  /** Also what is smaller than 128 KB, which S3 leaves where it is unless the bucket says otherwise. */
  movesSmall: boolean
}

/** What is smaller is billed in STANDARD_IA as if it were of this size. */
export const minBilledBytes = 128 * 1024
/** Minimum number of days that a file in STANDARD_IA is billed for. */
const minBilledDays = 30

/** What Amazon calls a GB, and a month. */
const gb = 1024 ** 3
const monthDays = 730 / 24
/** As `scan-stored.ts` scans again. */
const daysOfRecent = 30
const daysUntilRescan = 91

export type Scenario = {
  /** Undefined: whatever is removed stays for ever, where it is. */
  lifecycle: Lifecycle | undefined
  /** Links lead to a distribution in front of the bucket, which keeps nothing. */
  throughCloudFront: boolean
}

export type Assumptions = {
  /** Over how many days uploads, downloads and moves were counted. */
  periodDays: number
  /** Files are scanned again and again. */
  hasScanner: boolean
  /** What an account has free each month is taken off, as if nothing else used it. */
  takesFreeOff: boolean
}

export const costLines = [
  'storage_standard',
  'storage_standard_ia',
  'upload_requests',
  'download_requests',
  'own_requests',
  'transitions',
  'retrieval',
  'transfer_out',
  'cloudfront_requests',
] as const
export type CostLine = (typeof costLines)[number]

/** GB for storage, retrieval and transfer, requests for the rest. */
type Cost = { lines: Record<CostLine, { amount: number; price: number }>; total: number }

/** What the files of these facts cost in one month. */
export function calculateCost(facts: CostFacts, prices: Prices, scenario: Scenario, assumptions: Assumptions): Cost {
  const placed = placeFiles(facts, scenario.lifecycle, assumptions.periodDays)
  const lines = {
    ...calculateStorage(placed, prices),
    ...calculateRequests(facts, placed, prices, assumptions),
    ...calculateTransfer(placed, prices, scenario, assumptions),
  }
  return { lines, total: costLines.reduce((sum, name) => sum + lines[name].price, 0) }
}

function calculateStorage({ stored }: Placed, prices: Prices) {
  const { standard, standard_ia: ia } = prices.storage_gb_month
  return {
    storage_standard: priced(stored.standard.bytes / gb, standard),
    storage_standard_ia: priced(stored.ia.billedBytes / gb, ia),
  }
}

function calculateRequests(facts: CostFacts, placed: Placed, prices: Prices, assumptions: Assumptions) {
  const { put, get, get_standard_ia: getIa, transition_to_standard_ia: transition } = prices.requests_per_1000
  const toMonth = monthDays / assumptions.periodDays
  const { downloads } = placed
  const own = ownReadsOf(facts, placed, assumptions)
  const retrieved = downloads.ia.bytes * toMonth + own.iaBytes
  return {
    upload_requests: priced(countRequests(facts.stored, assumptions.periodDays) * toMonth, put / 1000),
    download_requests: together(
      priced(downloads.standard.files * toMonth, get / 1000),
      priced(downloads.ia.files * toMonth, getIa / 1000),
    ),
    own_requests: together(
      priced(own.standard, get / 1000),
      priced(own.ia, getIa / 1000),
      priced(own.listings, put / 1000),
    ),
    transitions: priced(placed.moved * toMonth, transition / 1000),
    retrieval: priced(retrieved / gb, prices.retrieval_gb.standard_ia),
  }
}

/** What the service asks by itself in a month: what lies there, and the bytes of some of it. */
function ownReadsOf(facts: CostFacts, { kept }: Placed, { hasScanner }: Assumptions) {
  const timesRead = (dailyShare + (hasScanner ? 1 / daysUntilRescan : 0)) * monthDays
  const recent = hasScanner ? countOf(newerThan(facts.stored, daysOfRecent)).files : 0
  return {
    // Signatures come daily, and each time what is new is looked at again.
    standard: kept.standard.files * timesRead + recent * monthDays,
    ia: kept.ia.files * timesRead,
    iaBytes: kept.ia.bytes * timesRead,
    // A thousand files a request, every day.
    listings: (countOf(facts.stored).files / 1000) * monthDays,
  }
}

function calculateTransfer(placed: Placed, prices: Prices, { throughCloudFront }: Scenario, assumptions: Assumptions) {
  const toMonth = monthDays / assumptions.periodDays
  const { standard, ia } = placed.downloads
  const out = ((standard.bytes + ia.bytes) * toMonth) / gb
  const requests = throughCloudFront ? (standard.files + ia.files) * toMonth : 0
  const { s3, cloudfront } = prices.transfer_out_gb
  const free = prices.free_each_month
  const freeOut = throughCloudFront ? free.cloudfront_transfer_out_gb : free.s3_transfer_out_gb
  const paid = (amount: number, freeAmount: number) =>
    assumptions.takesFreeOff ? Math.max(0, amount - freeAmount) : amount
  return {
    transfer_out: { amount: out, price: paid(out, freeOut) * (throughCloudFront ? cloudfront : s3) },
    cloudfront_requests: {
      amount: requests,
      price: (paid(requests, free.cloudfront_requests) * prices.cloudfront_https_requests_per_10000) / 10_000,
    },
  }
}

function countRequests(kept: FileGroup[], periodDays: number): number {
  return newerThan(kept, periodDays).reduce((count, { requests }) => count + requests, 0)
}

function priced(amount: number, each: number) {
  return { amount, price: amount * each }
}

function together(...parts: { amount: number; price: number }[]) {
  return parts.reduce((all, each) => ({ amount: all.amount + each.amount, price: all.price + each.price }))
}

type Amount = { files: number; bytes: number; billedBytes: number }
type ByClass = { standard: Amount; ia: Amount }

/** Files and requests by storage class. */
type Placed = {
  /** Files that documents name, and removed files that the bucket still stores. */
  stored: ByClass
  kept: ByClass
  downloads: ByClass
  /** How many went to STANDARD_IA within the period. */
  moved: number
}

function placeFiles(facts: CostFacts, lifecycle: Lifecycle | undefined, periodDays: number): Placed {
  const isKeptInIa = (stack: FileGroup) => isPast(stack, lifecycle, lifecycle?.keptToIaDays)
  const isHiddenInIa = (stack: FileGroup) => isPast(stack, lifecycle, hiddenToIaDays(lifecycle))
  const hidden = facts.hidden.filter((stack) => isBilled(stack, lifecycle, isHiddenInIa(stack)))
  const justMoved = (stacks: FileGroup[], afterDays: number | undefined) =>
    countOf(stacks.filter((each) => isPast(each, lifecycle, afterDays) && !isPast(each, lifecycle, plus(afterDays))))
  const plus = (afterDays: number | undefined) => (afterDays === undefined ? undefined : afterDays + periodDays)
  const kept = split(facts.stored, isKeptInIa)
  return {
    kept,
    stored: add(kept, split(hidden, isHiddenInIa)),
    downloads: split(facts.downloads, isKeptInIa),
    moved:
      justMoved(facts.stored, lifecycle?.keptToIaDays).files + justMoved(facts.hidden, hiddenToIaDays(lifecycle)).files,
  }
}

export function countOf(stacks: FileGroup[]): Amount {
  return stacks.reduce(
    (all, { files, bytes, isSmall }) => ({
      files: all.files + files,
      bytes: all.bytes + bytes,
      billedBytes: all.billedBytes + (isSmall ? files * minBilledBytes : bytes),
    }),
    { files: 0, bytes: 0, billedBytes: 0 },
  )
}

export function newerThan(stacks: FileGroup[], days: number): FileGroup[] {
  return stacks.filter(({ ageDays }) => ageDays < days)
}

/** Undefined also where what was removed is gone before it would move. */
function hiddenToIaDays(lifecycle: Lifecycle | undefined): number | undefined {
  const days = lifecycle?.hiddenToIaDays
  return lifecycle !== undefined && days !== undefined && lifecycle.hiddenGoneDays > days ? days : undefined
}

function isPast(
  { ageDays, isSmall }: FileGroup,
  lifecycle: Lifecycle | undefined,
  afterDays: number | undefined,
): boolean {
  if (lifecycle === undefined || afterDays === undefined) return false
  return ageDays >= afterDays && (lifecycle.movesSmall || !isSmall)
}

/** What is gone is still paid for until it would have been in STANDARD_IA for 30 days. */
function isBilled({ ageDays }: FileGroup, lifecycle: Lifecycle | undefined, isInIa: boolean): boolean {
  if (lifecycle === undefined) return true
  const { hiddenGoneDays: gone, hiddenToIaDays: moved = 0 } = lifecycle
  return ageDays < (isInIa ? Math.max(gone, moved + minBilledDays) : gone)
}

function split(stacks: FileGroup[], isInIa: (stack: FileGroup) => boolean): ByClass {
  return {
    standard: countOf(stacks.filter((stack) => !isInIa(stack))),
    ia: countOf(stacks.filter(isInIa)),
  }
}

function add(one: ByClass, other: ByClass): ByClass {
  return { standard: sumOf(one.standard, other.standard), ia: sumOf(one.ia, other.ia) }
}

function sumOf(one: Amount, other: Amount): Amount {
  return {
    files: one.files + other.files,
    bytes: one.bytes + other.bytes,
    billedBytes: one.billedBytes + other.billedBytes,
  }
}

/** In the order in which people read them; `plain` is without lifecycle and CloudFront. */
export const scenarioNames = ['plain', 'lifecycle', 'cloudfront', 'both'] as const

export type Costs = Record<(typeof scenarioNames)[number], Cost>

/** What the same files cost in four ways of keeping them and giving them out. */
export function compareScenarios(
  facts: CostFacts,
  prices: Prices,
  lifecycle: Lifecycle,
  assumptions: Assumptions,
): Costs {
  const calculate = (given: Lifecycle | undefined, throughCloudFront: boolean) =>
    calculateCost(facts, prices, { lifecycle: given, throughCloudFront }, assumptions)
  return {
    plain: calculate(undefined, false),
    lifecycle: calculate(lifecycle, false),
    cloudfront: calculate(undefined, true),
    both: calculate(lifecycle, true),
  }
}
