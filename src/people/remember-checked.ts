import { decodeJwt } from 'jose'

import type { Clock } from '../vocabulary.ts'

type CheckToken<Claims> = (token: string) => Promise<Claims>

const mostMilliseconds = 60_000
const mostTokens = 5000

/**
 * Checks the same token once a minute instead of at every request: its signature was a tenth of what a download link
 * costs. Only who holds it is remembered, never what they may, and never beyond its end; a token that was refused is
 * checked every time.
 */
export function rememberChecked<Claims>(check: CheckToken<Claims>, now: Clock): CheckToken<Claims> {
  const known = new Map<string, { claims: Claims; until: number }>()

  return async (token) => {
    const before = known.get(token)
    if (before !== undefined && now().getTime() < before.until) return before.claims

    known.delete(token)
    const claims = await check(token)
    const { exp = 0 } = decodeJwt(token)
    // What stands first in a map is what came first.
    const [oldest] = known.keys()
    if (known.size >= mostTokens && oldest !== undefined) known.delete(oldest)
    known.set(token, { claims, until: Math.min(exp * 1000, now().getTime() + mostMilliseconds) })
    return claims
  }
}
