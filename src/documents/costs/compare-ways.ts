import type { CostFacts } from '../../database/cost-facts.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Prices } from './read-prices.ts'
import { type Assumptions, type Cost, reckonCost } from './reckon-cost.ts'

/** In the order in which people read them; `plain` is without lifecycle and CloudFront. */
export const ways = ['plain', 'lifecycle', 'cloudfront', 'both'] as const

export type Costs = Record<(typeof ways)[number], Cost>

/** What the same files cost in four ways of keeping them and giving them out. */
export function compareWays(facts: CostFacts, prices: Prices, lifecycle: Lifecycle, assumptions: Assumptions): Costs {
  const reckon = (given: Lifecycle | undefined, throughCloudFront: boolean) =>
    reckonCost(facts, prices, { lifecycle: given, throughCloudFront }, assumptions)
  return {
    plain: reckon(undefined, false),
    lifecycle: reckon(lifecycle, false),
    cloudfront: reckon(undefined, true),
    both: reckon(lifecycle, true),
  }
}
