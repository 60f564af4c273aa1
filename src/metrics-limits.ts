import { Counter, type Registry } from 'prom-client'

import { fromZero } from './metrics-from-zero.ts'

const rateKinds = ['uploads', 'downloads', 'logins', 'events']

/** How often people do more than they may in an hour, and how often this instance asks for permits. */
export function makeLimitMetrics(registers: Registry[]) {
  return {
    rateRefusals: fromZero(
      new Counter({
        name: 'rate_refusals_total',
        help: 'Uploads, downloads, logins and other calls that were refused since their person or address had made too many.',
        labelNames: ['kind', 'of'] as const,
        registers,
      }),
      rateKinds.flatMap((kind) => ['person', 'address'].map((of) => ({ kind, of }))),
    ),
    rateLeases: fromZero(
      new Counter({
        name: 'rate_leases_total',
        help: 'Batches of permits that this instance asked the database for, by how that ended.',
        labelNames: ['outcome'] as const,
        registers,
      }),
      ['granted', 'refused', 'failed'].map((outcome) => ({ outcome })),
    ),
  }
}
