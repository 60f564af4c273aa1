import { useEffect, useState } from 'react'

import { Failure } from '../api/problem.ts'
import type { Place } from './last-decision.ts'
import { isWorking } from './next-document.ts'
import { claim } from './review-queries.ts'

/** Well before the ten minutes of a claim are over. */
const renewMs = 240_000

/** The look that is under way. */
let looking: Promise<void> = Promise.resolve()

/** Ends with the look that is under way, which claims the document: what ends the claim comes after it. */
export async function lookIsOver(): Promise<void> {
  await looking
}

type News = { tag: string; what: 'changed' | 'lost' }

/**
 * Renews the claim while the document is read, and looks again when the person comes back to the page. `changed`: it is not
 * the one that they saw. `lost`: another person has it now. `seen`: undefined for a document without a claim.
 */
export function useStillMine({ documentId }: Place, seen: string | undefined): News['what'] | undefined {
  const [news, setNews] = useState<News>()
  useEffect(() => {
    if (seen === undefined) return undefined
    let isCurrent = true
    const report = (what: News['what']) => isCurrent && setNews({ tag: seen, what })
    const look = async () => {
      try {
        const { tag } = await claim(documentId)
        if (tag !== seen) report('changed')
      } catch (error) {
        if (!(error instanceof Failure)) return
        if (error.code === 'claimed') report('lost')
        // Decided by another person, or deleted.
        else if (error.code === 'not_found' || error.code === 'gone') report('changed')
      }
    }
    const startLooking = () => {
      // The claim is about to end, or has ended.
      if (!isWorking()) looking = look()
    }
    const comeBack = () => {
      if (document.visibilityState === 'visible') startLooking()
    }
    const timer = setInterval(startLooking, renewMs)
    document.addEventListener('visibilitychange', comeBack)
    return () => {
      isCurrent = false
      clearInterval(timer)
      document.removeEventListener('visibilitychange', comeBack)
    }
  }, [documentId, seen])
  return news?.tag === seen ? news?.what : undefined
}
