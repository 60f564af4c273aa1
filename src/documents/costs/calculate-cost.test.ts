import { describe, expect, test } from 'vitest'

import type { CostFacts, FileGroup } from '../../database/documents/cost-facts.ts'
import { type Assumptions, type CostLine, type Lifecycle, calculateCost, type Scenario } from './calculate-cost.ts'
import { readPrices, defaultPrices } from './read-prices.ts'

const gb = 1024 ** 3
const mb = 1024 ** 2
/** The month of the prices, so that nothing is scaled. */
const periodDays = 730 / 24

// Round numbers, so that the expectations can be calculated in the head.
const prices = readPrices(
  JSON.stringify({
    region: 'af-south-1',
    currency: 'USD',
    as_of: '2026-11-01',
    source: 'a test',
    storage_gb_month: { standard: 0.03, standard_ia: 0.01 },
    requests_per_1000: { put: 6, get: 0.5, get_standard_ia: 1, transition_to_standard_ia: 12 },
    retrieval_gb: { standard_ia: 0.02 },
    transfer_out_gb: { s3: 0.15, cloudfront: 0.1 },
    cloudfront_https_requests_per_10000: 20,
    free_each_month: { s3_transfer_out_gb: 100, cloudfront_transfer_out_gb: 1000, cloudfront_requests: 500 },
  }),
)
const nothing: CostFacts = { firms: 1, localFiles: 0, stored: [], hidden: [], downloads: [] }
const defaultLifecycle: Lifecycle = {
  removedToIaDays: 30,
  removedExpiryDays: 90,
  currentToIaDays: undefined,
  movesSmall: false,
}

const large = (ageDays: number, files: number, bytes: number): FileGroup => ({
  ageDays,
  files,
  bytes,
  isSmall: false,
  requests: files,
})
const small = (ageDays: number, files: number, bytes: number): FileGroup => ({
  ...large(ageDays, files, bytes),
  isSmall: true,
})

function costOf(facts: Partial<CostFacts>, scenario: Partial<Scenario> = {}, assumptions: Partial<Assumptions> = {}) {
  const cost = calculateCost(
    { ...nothing, ...facts },
    prices,
    { lifecycle: undefined, throughCloudFront: false, ...scenario },
    { periodDays, hasScanner: false, subtractsFree: false, ...assumptions },
  )
  const amountOf = (line: CostLine) => cost.lines[line].amount
  const priceOf = (line: CostLine) => cost.lines[line].price
  return { ...cost, amountOf, priceOf }
}

describe('storage', () => {
  test('current files cost the price of STANDARD at any age', () => {
    const { amountOf, priceOf } = costOf({ stored: [large(0, 1000, 4 * gb), large(900, 5, 6 * gb)] })

    expect([amountOf('storage_standard'), priceOf('storage_standard')]).toEqual([10, 0.3])
    expect(priceOf('storage_standard_ia')).toBe(0)
  })

  test('without a lifecycle, removed files are billed for ever', () => {
    const { priceOf } = costOf({ hidden: [large(3, 2, gb), large(2000, 2, gb)] })

    expect(priceOf('storage_standard')).toBe(0.06)
  })

  test('a lifecycle moves removed files to STANDARD_IA on day 30 and destroys them on day 90', () => {
    const hidden = [29, 30, 89, 90].map((age) => large(age, 1, gb))
    const { amountOf, priceOf } = costOf({ hidden }, { lifecycle: defaultLifecycle })

    expect([amountOf('storage_standard'), priceOf('storage_standard')]).toEqual([1, 0.03])
    expect([amountOf('storage_standard_ia'), priceOf('storage_standard_ia')]).toEqual([2, 0.02])
  })

  test('a removed file that moves on day 30 is billed until day 60 at least', () => {
    const hidden = [39, 40, 59, 60].map((age) => large(age, 1, gb))
    const lifecycle = { ...defaultLifecycle, removedExpiryDays: 40 }

    expect(costOf({ hidden }, { lifecycle }).amountOf('storage_standard_ia')).toBe(3)
  })

  test('a removed file that is destroyed before its move never moves, and is billed no longer', () => {
    const { amountOf } = costOf(
      { hidden: [large(29, 1, gb), large(30, 1, gb), large(45, 1, gb)] },
      { lifecycle: { ...defaultLifecycle, removedExpiryDays: 30 } },
    )

    expect([amountOf('storage_standard'), amountOf('storage_standard_ia'), amountOf('transitions')]).toEqual([1, 0, 0])
  })

  test('small files stay in STANDARD by default', () => {
    const { amountOf } = costOf({ hidden: [small(60, 8, 80_000)] }, { lifecycle: defaultLifecycle })

    expect(amountOf('storage_standard')).toBe(80_000 / gb)
    expect(amountOf('storage_standard_ia')).toBe(0)
  })

  test('a moved small file is billed as 128 KB', () => {
    const lifecycle = { ...defaultLifecycle, movesSmall: true }
    const { amountOf } = costOf({ hidden: [small(60, 8192, 80_000)] }, { lifecycle })

    expect(amountOf('storage_standard')).toBe(0)
    expect(amountOf('storage_standard_ia')).toBe(1)
  })

  test('current files move only if the lifecycle has a rule for them', () => {
    const kept = [large(179, 1, gb), large(180, 1, gb)]

    expect(costOf({ stored: kept }, { lifecycle: defaultLifecycle }).amountOf('storage_standard')).toBe(2)
    expect(
      costOf({ stored: kept }, { lifecycle: { ...defaultLifecycle, currentToIaDays: 180 } }).amountOf(
        'storage_standard_ia',
      ),
    ).toBe(1)
  })
})

describe('requests', () => {
  test('each upload of the month counts its requests, a multipart upload several', () => {
    const parted = { ...large(5, 1, 20 * mb), requests: 5 }
    const { amountOf, priceOf } = costOf({ stored: [large(0, 1000, gb), parted, large(31, 700, gb)] })

    expect([amountOf('upload_requests'), priceOf('upload_requests')]).toEqual([1005, 6.03])
  })

  test('a period of another length is scaled to a month', () => {
    const facts = { stored: [large(1, 240, gb)], downloads: [large(0, 240, gb)] }
    const { amountOf } = costOf(facts, {}, { periodDays: 10 })

    expect(amountOf('upload_requests')).toBeCloseTo(730, 9)
    expect(amountOf('download_requests')).toBeCloseTo(730, 9)
  })

  test('a move is billed once, in its month', () => {
    const hidden = [29, 30, 60, 61].map((age) => large(age, 100, gb))
    const { amountOf, priceOf } = costOf({ hidden }, { lifecycle: defaultLifecycle })

    expect([amountOf('transitions'), priceOf('transitions')]).toEqual([200, 2.4])
  })

  test('a download from STANDARD_IA costs a request and the retrieval of its bytes', () => {
    const downloads = [large(10, 1000, gb), large(200, 500, 2 * gb)]
    const { priceOf } = costOf({ downloads }, { lifecycle: { ...defaultLifecycle, currentToIaDays: 180 } })

    expect(priceOf('download_requests')).toBe(0.5 + 0.5)
    expect(priceOf('retrieval')).toBe(0.04)
  })

  test('the service reads 1 % of the files daily, and lists all', () => {
    const { amountOf, priceOf } = costOf({ stored: [large(400, 24_000, gb)] })

    // 240 files a day and 24 lists a day.
    expect(amountOf('own_requests')).toBeCloseTo((264 * 730) / 24, 6)
    expect(priceOf('own_requests')).toBeCloseTo(((240 * 0.0005 + 24 * 0.006) * 730) / 24, 9)
  })

  test('with a scanner, it also reads recent files daily, and each file once a quarter', () => {
    const { amountOf } = costOf({ stored: [large(29, 91, gb), large(30, 91, gb)] }, {}, { hasScanner: true })

    // 1.82 for the sample, 2 for the quarter, 91 for what is new, and 0.182 lists.
    expect(amountOf('own_requests')).toBeCloseTo((95.002 * 730) / 24, 6)
  })
})

describe('transfer to clients', () => {
  const downloads = [large(3, 1000, 10 * gb)]

  test('S3 bills each GB', () => {
    const { amountOf, priceOf } = costOf({ downloads })

    expect([amountOf('transfer_out'), priceOf('transfer_out')]).toEqual([10, 1.5])
    expect(priceOf('cloudfront_requests')).toBe(0)
  })

  test('CloudFront bills each GB and a request, and S3 still bills its request, since nothing is cached', () => {
    const { priceOf, total } = costOf({ downloads }, { throughCloudFront: true })

    expect(priceOf('transfer_out')).toBe(1)
    expect(priceOf('cloudfront_requests')).toBe(2)
    expect(priceOf('download_requests')).toBe(0.5)
    expect(total).toBe(3.5)
  })

  test('the free tier is subtracted on request only, and no price is negative', () => {
    const much = [large(3, 1000, 110 * gb)]
    const priceOf = (throughCloudFront: boolean, line: CostLine) =>
      costOf({ downloads: much }, { throughCloudFront }, { subtractsFree: true }).priceOf(line)

    expect(priceOf(false, 'transfer_out')).toBe(1.5)
    expect(priceOf(true, 'transfer_out')).toBe(0)
    expect(priceOf(true, 'cloudfront_requests')).toBe(1)
  })
})

test('the total is the sum of the lines', () => {
  const { lines, total } = costOf(
    { stored: [large(0, 1000, gb)], hidden: [large(40, 5, gb)], downloads: [large(3, 7, gb)] },
    { lifecycle: defaultLifecycle },
  )

  expect(total).toBeCloseTo(
    Object.values(lines).reduce((sum, { price }) => sum + price, 0),
    12,
  )
  expect(Object.values(lines).filter(({ price }) => price > 0)).toHaveLength(7)
})

describe('prices', () => {
  test('the bundled prices have their source and date, and the advice to check them', () => {
    expect(defaultPrices.region).toBe('af-south-1')
    expect(defaultPrices.source).toContain('https://aws.amazon.com/s3/pricing/')
    expect(defaultPrices.as_of).toMatch(/^20\d\d-\d\d-\d\d$/)
    expect(defaultPrices.note).toContain('from memory')
  })

  test('the sizes in docs/cost.md from which CloudFront and STANDARD_IA save money are correct', () => {
    const { transfer_out_gb: out, storage_gb_month: stored, requests_per_1000: requests } = defaultPrices
    const saved = out.s3 - out.cloudfront
    expect((defaultPrices.cloudfront_https_requests_per_10000 / 10_000 / saved) * gb).toBeCloseTo(29_300, -2)
    expect(saved / out.s3).toBeCloseTo(0.286, 3)

    const savedAMonth = stored.standard - stored.standard_ia
    const gbMonths = requests.transition_to_standard_ia / 1000 / savedAMonth
    expect(gbMonths / (mb / gb)).toBeCloseTo(0.97, 2)
    expect(gbMonths / (mb / 8 / gb)).toBeCloseTo(7.8, 1)
    expect((gbMonths / (60 / periodDays)) * gb).toBeCloseTo(518_200, -2)
  })

  test.each([
    ['no JSON', '{', 'it is not JSON'],
    ['a negative price', withPut(-1), 'requests_per_1000.put: '],
    ['a price that is text', withPut('0.006'), 'requests_per_1000.put: '],
    ['an unknown price', JSON.stringify({ ...defaultPrices, glacier: 1 }), '"glacier"'],
  ])('%s is rejected, and the error names its field', (_what, json, says) => {
    expect(() => readPrices(json)).toThrow(says)
  })
})

function withPut(put: unknown): string {
  return JSON.stringify({ ...defaultPrices, requests_per_1000: { ...defaultPrices.requests_per_1000, put } })
}
