import { z } from 'zod'

import bundledPrices from './prices.json' with { type: 'json' }

const price = z.number().nonnegative()

const form = z.strictObject({
  region: z.string().min(1),
  currency: z.string().min(1),
  /** The date of the prices. */
  as_of: z.iso.date(),
  source: z.string().min(1),
  note: z.string().optional(),
  storage_gb_month: z.strictObject({ standard: price, standard_ia: price }),
  requests_per_1000: z.strictObject({
    put: price,
    get: price,
    get_standard_ia: price,
    transition_to_standard_ia: price,
  }),
  retrieval_gb: z.strictObject({ standard_ia: price }),
  transfer_out_gb: z.strictObject({ s3: price, cloudfront: price }),
  cloudfront_https_requests_per_10000: price,
  free_each_month: z.strictObject({
    s3_transfer_out_gb: price,
    cloudfront_transfer_out_gb: price,
    cloudfront_requests: price,
  }),
})

export type Prices = z.output<typeof form>

/** The prices do not have the form of `prices.json`. The message names the field. */
export class InvalidPrices extends Error {
  override readonly name = 'InvalidPrices'
}

/** The bundled prices. `prices.json` also names their source and date. */
export const defaultPrices: Prices = form.parse(bundledPrices)

/** Parses prices. Throws `InvalidPrices`. */
export function readPrices(json: string): Prices {
  const parsed = form.safeParse(parse(json))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.') ?? ''
  throw new InvalidPrices(`${field === '' ? '' : `${field}: `}${issue?.message ?? 'it has another form'}`)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new InvalidPrices('it is not JSON', { cause: error })
  }
}
