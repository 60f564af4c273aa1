import { useState } from 'react'

/**
 * The secret of a mailed link, which is in the fragment so that no server logs it. It is removed from the address, so that
 * it is not in the history of a shared computer.
 */
export function useLinkToken(): string | undefined {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? remembered())
  return token ?? undefined
}

const key = 'paniq.link-token'

/** The invitation asks the person to sign in first, and reads its token again afterwards in the same tab. */
export function rememberToken(token: string): void {
  sessionStorage.setItem(key, token)
}

export function forgetToken(): void {
  sessionStorage.removeItem(key)
}

function remembered(): string | null {
  return location.pathname === '/invitation' ? sessionStorage.getItem(key) : null
}

/** Called once the view has read it. */
export function hideToken(): void {
  if (location.hash !== '') history.replaceState(history.state, '', location.pathname + location.search)
}
