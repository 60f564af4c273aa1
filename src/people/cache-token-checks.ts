import type { Clock } from '../vocabulary/vocabulary.ts'

type CheckToken<Claims> = (token: string) => Promise<Claims>

type Cache<Claims> = { now: Clock; endOf: (claims: Claims, token: string) => Date }

const maxCacheMs = 60_000
const maxTokens = 5000

/**
 * Checks the same token once a minute instead of at every request, since the signature is a tenth of the cost of a
 * download link. It caches the identity, never the rights, and never beyond the end of the token. A rejected token is
 * not cached.
 */
export function cacheChecks<Claims>(check: CheckToken<Claims>, { now, endOf }: Cache<Claims>): CheckToken<Claims> {
  const known = new Map<string, { claims: Claims; until: number }>()

  return async (token) => {
    const before = known.get(token)
    if (before !== undefined && now().getTime() < before.until) return before.claims

    known.delete(token)
    const claims = await check(token)
    // A map keeps the order of insertion.
    const [oldest] = known.keys()
    if (known.size >= maxTokens && oldest !== undefined) known.delete(oldest)
    known.set(token, { claims, until: Math.min(endOf(claims, token).getTime(), now().getTime() + maxCacheMs) })
    return claims
  }
}
