import { useEffect, useState } from 'react'

import { Failure } from '../api/problem.ts'
import type { Place } from './last-decision.ts'
import { claim } from './review-queries.ts'

/** Well before the ten minutes of a claim are over. */
const renewMs = 240_000

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
    const comeBack = () => {
      if (document.visibilityState === 'visible') void look()
    }
    const timer = setInterval(() => void look(), renewMs)
    document.addEventListener('visibilitychange', comeBack)
    return () => {
      isCurrent = false
      clearInterval(timer)
      document.removeEventListener('visibilitychange', comeBack)
    }
  }, [documentId, seen])
  return news?.tag === seen ? news?.what : undefined
}
