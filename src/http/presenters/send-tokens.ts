import type { TokensShape } from '../../contract/people.ts'
import type { Tokens } from '../../people/sessions/issue-tokens.ts'
import { type Exchange, isCookieMode, setRefreshCookie } from '../requests/refresh-cookie.ts'

/** In cookie mode only the cookie has the refresh token, which the page's scripts cannot read. */
export function sendTokens(
  { publicUrl }: { publicUrl: string | undefined },
  exchange: Exchange,
  tokens: Tokens,
): TokensShape {
  const answer = {
    access_token: tokens.accessToken,
    token_type: 'bearer' as const,
    expires_in: tokens.expiresInSeconds,
    ...(tokens.restriction === 'password_change_required' ? { password_change_required: true as const } : {}),
  }
  if (!isCookieMode(exchange.request)) return { ...answer, refresh_token: tokens.refreshToken }
  setRefreshCookie(exchange, publicUrl, tokens)
  return answer
}
