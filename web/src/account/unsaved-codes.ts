import { useSyncExternalStore } from 'react'

import { isSignedOut, onSessionEnd } from '../api/session.ts'

/** New recovery codes. The service shows them this once, and the earlier ones work no more: no other view takes their place. */
export type Unsaved = { codes: string[]; shownAt: string }

let unsaved: Unsaved | undefined
const listeners = new Set<() => void>()

onSessionEnd(() => showCodes(undefined))

/** Shows the codes instead of every view. Undefined: they are saved. */
export function showCodes(given: string[] | undefined): void {
  // An answer that comes after the sign-out: the codes are not for the next person.
  if (given !== undefined && isSignedOut()) return
  unsaved = given === undefined ? undefined : { codes: given, shownAt: location.pathname }
  if (given === undefined) window.removeEventListener('beforeunload', ask)
  else window.addEventListener('beforeunload', ask)
  for (const listener of listeners) listener()
}

/** The browser asks before it closes the page. */
function ask(event: BeforeUnloadEvent): void {
  event.preventDefault()
}

/** With the address at which they were shown first. */
export function useUnsavedCodes(): Unsaved | undefined {
  return useSyncExternalStore(subscribe, () => unsaved)
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
