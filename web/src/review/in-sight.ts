import { useCallback, useEffect, useState } from 'react'

/** Nobody judges a document faster. A key or a click before that was meant for the document that was here. */
const glanceMs = 400

/**
 * Whether the version with this name has been in sight long enough to be decided on. `onReady` takes the name of the version that
 * can be seen, or that this page cannot show.
 */
export function useInSight(name: string | undefined): { isInSight: boolean; onReady: (name: string) => void } {
  const [ready, setReady] = useState<string>()
  const [seen, setSeen] = useState<string>()
  useEffect(() => {
    const timer = setTimeout(() => setSeen(ready), glanceMs)
    return () => clearTimeout(timer)
  }, [ready])
  const onReady = useCallback((shown: string) => setReady(shown), [])
  return { isInSight: name !== undefined && seen === name, onReady }
}
