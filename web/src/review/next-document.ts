import { useIsMutating } from '@tanstack/react-query'
import { useNavigate } from 'react-router'

import { queryClient } from '../api/client.ts'
import { Failure } from '../api/problem.ts'
import { selfQuery } from '../api/queries.ts'
import { onSessionEnd } from '../api/session.ts'
import { useNotify } from '../app/notices.tsx'
import { useTexts } from '../texts/texts.tsx'
import { type Place, takeLastDecision } from './last-decision.ts'
import { type Desk, deskQuery, forgetWaiting, queueQuery, release, type Waiting } from './review-queries.ts'

/**
 * The key of what leads a reviewer from one document to another: a decision, the next document, putting back. One at a time: two
 * answers would each open a document, and one of them would stay claimed out of sight.
 */
export const workKey = ['review', 'work'] as const

export function isWorking(): boolean {
  return queryClient.isMutating({ mutationKey: workKey }) > 0
}

export function useIsWorking(): boolean {
  return useIsMutating({ mutationKey: workKey }) > 0
}

async function workIsDone(): Promise<void> {
  await new Promise<void>((resolve) => {
    const look = () => {
      if (isWorking()) return
      stop()
      resolve()
    }
    const stop = queryClient.getMutationCache().subscribe(look)
    look()
  })
}

/** Opens the document of the last decision, to decide again. Waits for the work that is under way. */
export function useUndo(): () => Promise<void> {
  const { review: texts } = useTexts()
  const navigate = useNavigate()
  const notify = useNotify()
  return async () => {
    await workIsDone()
    const last = takeLastDecision()
    if (last === undefined) notify(texts.undoOver)
    // The filter of now: the notice with this function stays while views change.
    else await navigate(addressOf(last, new URLSearchParams(location.search).get('type') ?? ''))
  }
}

/** Opens a document as it is now, not as it was. */
export function useOpening(): (place: Place) => Promise<void> {
  const navigate = useNavigate()
  return async (place) => {
    queryClient.removeQueries({ queryKey: deskQuery(place).queryKey })
    await navigate(addressOf(place, ''))
  }
}

/** Put off in this session; they come again at the end. */
const skipped = new Set<string>()
onSessionEnd(() => skipped.clear())

export function skip(documentId: string): void {
  skipped.add(documentId)
}

/** Those that this person can claim, in the order in which they come. */
export function inOrder(list: Waiting[], currentId: string): Waiting[] {
  const self = queryClient.getQueryData(selfQuery.queryKey)?.id
  const free = list.filter(
    ({ document, claimed_by: claimant }) => document.id !== currentId && (claimant === null || claimant.id === self),
  )
  return [...free.filter((each) => !isLater(each)), ...free.filter(isLater)]
}

export function isSkipped(documentId: string): boolean {
  return skipped.has(documentId)
}

function isLater({ document }: Waiting): boolean {
  return isSkipped(document.id)
}

/** How many documents come before those that were put off and before the list must be loaded again. */
export function countLeft(list: Waiting[], currentId: string): number {
  return inOrder(list, currentId).filter((each) => !isLater(each)).length
}

/** Claims the next document that nobody else has. Undefined: there is none but the current one. */
export async function claimNext({ type, currentId }: { type: string; currentId: string }): Promise<Place | undefined> {
  // The list that is there first; then a new one.
  for (const staleTime of [Infinity, 0]) {
    const list = await queryClient.fetchQuery({ ...queueQuery(type), staleTime })
    for (const waiting of inOrder(list, currentId)) {
      const { document } = waiting
      // The list has the first documents only: others may come before those that were put off.
      if (isLater(waiting) && staleTime !== 0) break
      const place = { firmId: document.firm_id, documentId: document.id }
      if ((await tryDesk(place)) === 'claimed') return place
      forgetWaiting(document.id)
    }
  }
  return undefined
}

/** For a person who has left before the next document was found: they stay where they are, and it is free for others. */
export async function leaveUnopened(next: Place | undefined): Promise<void> {
  if (next !== undefined) await release(next.documentId)
}

/** Undefined for a document that cannot be decided on now, such as one in the trash. */
async function tryDesk(place: Place): Promise<Desk['kind'] | undefined> {
  try {
    return (await queryClient.fetchQuery({ ...deskQuery(place), staleTime: 0 })).kind
  } catch (error) {
    if (error instanceof Failure && !error.isTemporary && error.status !== 401) return undefined
    throw error
  }
}

export function addressOf({ firmId, documentId }: Place, type: string): string {
  return `/review/documents/${firmId}/${documentId}${type === '' ? '' : `?type=${encodeURIComponent(type)}`}`
}
