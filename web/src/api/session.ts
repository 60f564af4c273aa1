import { useSyncExternalStore } from 'react'

import type { Schemas } from './openapi.d.ts'

/** `unknown`: not asked yet. `unreachable`: the service did not answer. */
export type SessionStatus = 'unknown' | 'signed_in' | 'signed_out' | 'unreachable'

/** Why a session of this page is over: the person signed out, here or in another tab, or the service ended it. */
export type SessionEnd = 'signed_out' | 'ended'

/** Only whether a session may exist, so that a first visit asks for none. The tokens are never stored by the page. */
const hint = 'paniq.may-be-signed-in'
const signedOutHint = 'signed-out'
/** A sign-out that the service has not confirmed: the cookie still works. */
const unconfirmed = 'paniq.sign-out-unconfirmed'
const cookieMode = { 'x-auth-mode': 'cookie' }

let accessToken: string | undefined
let expiresAt = 0
let status: SessionStatus = localStorage.getItem(hint) === null ? 'signed_out' : 'unknown'
let refreshing: Promise<boolean> | undefined
let lastEnd: SessionEnd | undefined
/** How many sessions of this page are over, so that a late answer does not begin one of them again. */
let endCount = 0
/** Ends what this session still reads: a late answer would only be a rejection. */
let reading = new AbortController()
const listeners = new Set<() => void>()
const leaving = new Set<() => Promise<void>>()

// The session is over for all tabs. A sign-out writes first that it is one.
window.addEventListener('storage', ({ key, newValue }) => {
  if (key !== hint) return
  if (newValue === signedOutHint) forget('signed_out')
  else if (newValue === null && !isSignedOut()) forget('ended')
})

window.addEventListener('online', confirmSignOut)
confirmSignOut()

export function useSessionStatus(): SessionStatus {
  return useSyncExternalStore(subscribe, () => status)
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function isSignedOut(): boolean {
  return status === 'signed_out'
}

/** Calls back when a session is over, however it ended; returns how to stop. */
export function onSessionEnd(listener: () => void): () => void {
  return subscribe(() => {
    if (isSignedOut()) listener()
  })
}

/** Undefined: no session of this page has ended since it was loaded, or another one began. */
export function sessionEnd(): SessionEnd | undefined {
  return lastEnd
}

/** What to remove from this device when the person signs out; not when a session ends by itself. */
export function atSignOut(remove: () => Promise<void>): void {
  leaving.add(remove)
}

/** Starts the session of these tokens; the refresh token is a cookie that scripts cannot read. */
export function acceptTokens(tokens: Pick<Schemas['Tokens'], 'access_token' | 'expires_in'>): void {
  accessToken = tokens.access_token
  expiresAt = Date.now() + tokens.expires_in * 1000
  lastEnd = undefined
  expectSession()
  become('signed_in')
}

/** Before the browser leaves for the provider, whose sign-in returns with the cookie alone. */
export function expectSession(): void {
  localStorage.setItem(hint, 'yes')
  localStorage.removeItem(unconfirmed)
}

/** Gets new tokens once for all requests that wait for them. False: there is no session, or no answer. */
export function refresh(): Promise<boolean> {
  refreshing ??= requestTokens().finally(() => {
    refreshing = undefined
  })
  return refreshing
}

/** Signs out on this device at once, and at the service as soon as it answers. */
export async function signOut(): Promise<void> {
  const token = accessToken
  localStorage.setItem(hint, signedOutHint)
  forget('signed_out')
  const removals = [...leaving].map((remove) => remove())
  await requestSignOut(token === undefined ? {} : { authorization: `Bearer ${token}` })
  await Promise.all(removals)
}

async function requestSignOut(authorization: { authorization?: string }): Promise<void> {
  localStorage.setItem(unconfirmed, 'yes')
  const headers = { ...cookieMode, ...authorization }
  const answer = await fetch('/api/v1/auth/logout', { method: 'POST', headers, keepalive: true }).catch(() => undefined)
  if (answer !== undefined && answer.status < 500) localStorage.removeItem(unconfirmed)
}

/** Ends the session at the service if it did not answer the sign-out. */
function confirmSignOut(): void {
  if (localStorage.getItem(unconfirmed) !== null) void requestSignOut({})
}

/** The token for a request of another kind, such as an upload; refreshed if it ends within a minute. */
export async function currentToken(): Promise<string | undefined> {
  if (accessToken !== undefined && expiresAt - Date.now() < 60_000) await refresh()
  return accessToken
}

/** Sends a request with the token; after a 401 once more with a new one. */
export async function fetchAuthorized(request: Request): Promise<Response> {
  const token = accessToken
  const { signal } = reading
  const sent = token !== undefined && request.method === 'GET' ? new Request(request, { signal }) : request
  const repeat = sent.clone()
  const response = await fetch(withToken(sent))
  // Without a token now, the person has signed out meanwhile.
  if (response.status !== 401 || token === undefined || accessToken === undefined) return response
  return (await refresh()) ? fetch(withToken(repeat)) : response
}

function withToken(request: Request): Request {
  if (accessToken !== undefined) request.headers.set('authorization', `Bearer ${accessToken}`)
  if (new URL(request.url).pathname.startsWith('/api/v1/auth/')) request.headers.set('x-auth-mode', 'cookie')
  return request
}

async function requestTokens(): Promise<boolean> {
  const before = endCount
  try {
    const response = await fetch('/api/v1/auth/refresh', { method: 'POST', headers: cookieMode })
    // The description of the API has this type.
    const tokens = response.ok ? ((await response.json()) as Schemas['Tokens']) : undefined
    // The person signed out meanwhile.
    if (before !== endCount) return false
    if (tokens !== undefined) {
      acceptTokens(tokens)
      return true
    }
    if (response.status === 401 || response.status === 403) forget('ended')
    else become('unreachable')
  } catch {
    if (status !== 'signed_in' && before === endCount) become('unreachable')
  }
  return false
}

function forget(why: SessionEnd): void {
  accessToken = undefined
  endCount += 1
  lastEnd = why
  localStorage.removeItem(hint)
  reading.abort()
  reading = new AbortController()
  become('signed_out')
}

function become(next: SessionStatus): void {
  if (status === next) return
  status = next
  for (const listener of listeners) listener()
}
