import { queryClient } from '../api/client.ts'
import { onSessionEnd } from '../api/session.ts'

export type Place = { firmId: string; documentId: string }

/** The cached document at an address of the review. */
export const deskKey = ({ firmId, documentId }: Place) => ['review', 'desk', firmId, documentId] as const

const undoMs = 60_000

type Made = { place: Place; at: number }
let last: Made | undefined

// The next person in this tab did not decide.
onSessionEnd(() => {
  last = undefined
})

export function rememberDecision(place: Place): void {
  last = { place, at: Date.now() }
}

/** The document of the last decision, to decide again; undefined after a minute. */
export function takeLastDecision(): Place | undefined {
  if (!canUndo()) return undefined
  const place = last?.place
  // As it is now, not as it was before the decision.
  if (place !== undefined) queryClient.removeQueries({ queryKey: deskKey(place) })
  return place
}

/** Whether this document was decided on by this person a moment ago. */
export function isJustDecided({ documentId }: Place): boolean {
  return canUndo() && last?.place.documentId === documentId
}

function canUndo(): boolean {
  return last !== undefined && Date.now() - last.at < undoMs
}
