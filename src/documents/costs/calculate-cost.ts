import type { CostFacts, FileGroup } from '../../database/documents/cost-facts.ts'
import { dailyShare } from '../verifying/plan-verification.ts'
import type { Prices } from './read-prices.ts'

/** The rules of a bucket for old files, as `s3 setup` sets them. */
export type Lifecycle = {
  /** Number of days after which a removed file moves to STANDARD_IA; undefined: never. */
  removedToIaDays: number | undefined
  /** Number of days after which a removed file is destroyed. */
  removedExpiryDays: number
  /** Number of days after which a current file moves to STANDARD_IA; undefined: never. */
  currentToIaDays: number | undefined
  /** Whether files under 128 KB move too. S3 moves them only if the bucket says so. */
  movesSmall: boolean
}

const noLifecycle: Lifecycle = {
  removedToIaDays: undefined,
  removedExpiryDays: Infinity,
  currentToIaDays: undefined,
  movesSmall: false,
}

/** The minimum size that a file in STANDARD_IA is billed for. */
export const minBilledBytes = 128 * 1024
/** The minimum number of days that a file in STANDARD_IA is billed for. */
const minBilledDays = 30

/** Amazon's definitions of a GB and of a month. */
const gb = 1024 ** 3
const monthDays = 730 / 24
/** The same as in `scanning/scan-stored.ts` and its schedule. */
const recentDays = 30
const rescanDays = 91

export type Scenario = {
  /** Undefined: removed files stay for ever. */
  lifecycle: Lifecycle | undefined
  /** Downloads go through a CloudFront distribution that caches nothing. */
  throughCloudFront: boolean
}

export type Assumptions = {
  /** The number of days for which uploads, downloads and moves were counted. */
  periodDays: number
  /** The service scans new files daily, and every file once a quarter. */
  hasScanner: boolean
  /** Subtracts the monthly free tier of an account, as if nothing else used it. */
  subtractsFree: boolean
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

/** Amounts are in GB for storage, retrieval and transfer, and in requests for the rest. */
type Cost = { lines: Record<CostLine, { amount: number; price: number }>; total: number }

/** Calculates the monthly cost of the files. */
export function calculateCost(facts: CostFacts, prices: Prices, scenario: Scenario, assumptions: Assumptions): Cost {
  const usage = calculateUsage(facts, scenario.lifecycle ?? noLifecycle, assumptions)
  const items = itemizeCost(usage, prices, scenario)
  const lines = Object.fromEntries(costLines.map((line) => [line, addItems(items[line], assumptions)])) as Cost['lines'] // one for each of the names
  return { lines, total: costLines.reduce((sum, line) => sum + lines[line].price, 0) }
}

/** `free`: the amount that costs nothing each month. */
type Item = { amount: number; unitPrice: number; free?: number }

function itemizeCost(usage: Usage, prices: Prices, { throughCloudFront }: Scenario): Record<CostLine, Item[]> {
  const { stored, downloads, own } = usage
  const { storage_gb_month: storage, requests_per_1000: requests, transfer_out_gb: transfer } = prices
  const { free_each_month: free } = prices
  const [put, get, getIa] = [requests.put / 1000, requests.get / 1000, requests.get_standard_ia / 1000]
  return {
    storage_standard: [{ amount: stored.standard.bytes / gb, unitPrice: storage.standard }],
    storage_standard_ia: [{ amount: stored.ia.billedBytes / gb, unitPrice: storage.standard_ia }],
    upload_requests: [{ amount: usage.uploadRequests, unitPrice: put }],
    download_requests: [
      { amount: downloads.standard.files, unitPrice: get },
      { amount: downloads.ia.files, unitPrice: getIa },
    ],
    own_requests: [
      { amount: own.standardReads, unitPrice: get },
      { amount: own.iaReads, unitPrice: getIa },
      { amount: own.listings, unitPrice: put },
    ],
    transitions: [{ amount: usage.transitions, unitPrice: requests.transition_to_standard_ia / 1000 }],
    retrieval: [{ amount: (downloads.ia.bytes + own.iaBytes) / gb, unitPrice: prices.retrieval_gb.standard_ia }],
    transfer_out: [
      {
        amount: (downloads.standard.bytes + downloads.ia.bytes) / gb,
        unitPrice: throughCloudFront ? transfer.cloudfront : transfer.s3,
        free: throughCloudFront ? free.cloudfront_transfer_out_gb : free.s3_transfer_out_gb,
      },
    ],
    cloudfront_requests: [
      {
        amount: throughCloudFront ? downloads.standard.files + downloads.ia.files : 0,
        unitPrice: prices.cloudfront_https_requests_per_10000 / 10_000,
        free: free.cloudfront_requests,
      },
    ],
  }
}

function addItems(items: Item[], { subtractsFree }: Assumptions) {
  const priceOf = ({ amount, unitPrice, free = 0 }: Item) =>
    Math.max(0, subtractsFree ? amount - free : amount) * unitPrice
  return {
    amount: items.reduce((sum, { amount }) => sum + amount, 0),
    price: items.reduce((sum, item) => sum + priceOf(item), 0),
  }
}

/** The usage of one month. */
type Usage = ReturnType<typeof calculateUsage>

function calculateUsage(facts: CostFacts, lifecycle: Lifecycle, assumptions: Assumptions) {
  const { currentToIaDays = Infinity, removedExpiryDays: expiryDays, movesSmall } = lifecycle
  const { removedToIaDays: days = Infinity } = lifecycle
  // A file that is destroyed first never moves.
  const removedToIaDays = days < expiryDays ? days : Infinity
  const classify = (groups: FileGroup[], toIaDays: number): PlacedGroup[] =>
    groups.map((group) => ({ ...group, isInIa: group.ageDays >= toIaDays && (movesSmall || !group.isSmall) }))
  const current = classify(facts.stored, currentToIaDays)
  const removed = classify(facts.hidden, removedToIaDays)
  const isBilled = ({ ageDays, isInIa }: PlacedGroup) =>
    ageDays < (isInIa ? Math.max(expiryDays, removedToIaDays + minBilledDays) : expiryDays)

  const { periodDays } = assumptions
  const toMonth = monthDays / periodDays
  const countMoved = (groups: PlacedGroup[], toIaDays: number) =>
    totalOf(newerThan(groups, toIaDays + periodDays).filter(({ isInIa }) => isInIa)).files
  const downloads = totalByClass(classify(facts.downloads, currentToIaDays))
  return {
    stored: totalByClass([...current, ...removed.filter(isBilled)]),
    downloads: { standard: multiply(downloads.standard, toMonth), ia: multiply(downloads.ia, toMonth) },
    uploadRequests: newerThan(facts.stored, periodDays).reduce((sum, { requests }) => sum + requests, 0) * toMonth,
    transitions: (countMoved(current, currentToIaDays) + countMoved(removed, removedToIaDays)) * toMonth,
    own: calculateOwnUsage(current, assumptions),
  }
}

/** The requests of the service itself: it lists all files daily, and reads some of them to verify and to scan them. */
function calculateOwnUsage(current: PlacedGroup[], { hasScanner }: Assumptions) {
  const { standard, ia } = totalByClass(current)
  const readsPerFile = (dailyShare + (hasScanner ? 1 / rescanDays : 0)) * monthDays
  // New signatures come daily.
  const recentReads = hasScanner ? totalOf(newerThan(current, recentDays)).files * monthDays : 0
  return {
    standardReads: standard.files * readsPerFile + recentReads,
    iaReads: ia.files * readsPerFile,
    iaBytes: ia.bytes * readsPerFile,
    // One request lists a thousand files.
    listings: ((standard.files + ia.files) / 1000) * monthDays,
  }
}

type Total = { files: number; bytes: number; billedBytes: number }
type PlacedGroup = FileGroup & { isInIa: boolean }

function totalByClass(groups: PlacedGroup[]): { standard: Total; ia: Total } {
  return {
    standard: totalOf(groups.filter(({ isInIa }) => !isInIa)),
    ia: totalOf(groups.filter(({ isInIa }) => isInIa)),
  }
}

export function totalOf(groups: FileGroup[]): Total {
  return groups.reduce(
    (total, { files, bytes, isSmall }) => ({
      files: total.files + files,
      bytes: total.bytes + bytes,
      billedBytes: total.billedBytes + (isSmall ? files * minBilledBytes : bytes),
    }),
    { files: 0, bytes: 0, billedBytes: 0 },
  )
}

function multiply({ files, bytes, billedBytes }: Total, factor: number): Total {
  return { files: files * factor, bytes: bytes * factor, billedBytes: billedBytes * factor }
}

export function newerThan<Group extends FileGroup>(groups: Group[], days: number): Group[] {
  return groups.filter(({ ageDays }) => ageDays < days)
}

/** In the order of the printed columns. `plain`: without lifecycle and CloudFront. */
export const scenarioNames = ['plain', 'lifecycle', 'cloudfront', 'both'] as const

export type Costs = Record<(typeof scenarioNames)[number], Cost>

/** Calculates the cost of the same files with and without a lifecycle, and with and without CloudFront. */
export function compareScenarios(
  facts: CostFacts,
  prices: Prices,
  lifecycle: Lifecycle,
  assumptions: Assumptions,
): Costs {
  const calculate = (scenario: Scenario) => calculateCost(facts, prices, scenario, assumptions)
  return {
    plain: calculate({ lifecycle: undefined, throughCloudFront: false }),
    lifecycle: calculate({ lifecycle, throughCloudFront: false }),
    cloudfront: calculate({ lifecycle: undefined, throughCloudFront: true }),
    both: calculate({ lifecycle, throughCloudFront: true }),
  }
}
