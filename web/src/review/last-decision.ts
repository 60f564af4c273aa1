import { queryClient } from '../api/client.ts'
import { deskQuery, type Place } from './review-queries.ts'

const undoMs = 60_000

type Made = { place: Place; at: number }
let last: Made | undefined

export function rememberDecision(place: Place): void {
  last = { place, at: Date.now() }
}

/** The document of the last decision, to decide again; undefined after a minute. */
export function takeLastDecision(): Place | undefined {
  if (!canUndo()) return undefined
  const place = last?.place
  // As it is now, not as it was before the decision.
  if (place !== undefined) queryClient.removeQueries({ queryKey: deskQuery(place).queryKey })
  return place
}

/** Whether this document was decided on by this person a moment ago. */
export function isJustDecided({ documentId }: Place): boolean {
  return canUndo() && last?.place.documentId === documentId
}

function canUndo(): boolean {
  return last !== undefined && Date.now() - last.at < undoMs
}
