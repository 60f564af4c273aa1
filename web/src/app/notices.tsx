import { Button } from '@mantine/core'
import { createContext, type ReactNode, use, useCallback, useEffect, useState } from 'react'

import { Failure } from '../api/problem.ts'
import { isSignedOut, onSessionEnd } from '../api/session.ts'
import { Explanation } from '../parts/problem-box.tsx'
import { useTexts } from '../texts/texts.tsx'

type Action = () => Promise<void>
type Notice = { id: number; text: string; action?: Action | undefined; label?: string | undefined }
type Notify = (text: string, action?: Action, label?: string) => void

const NoticeContext = createContext<Notify>(() => undefined)

/** Shows a short text at the bottom and reads it to screen readers; with `action` it stays longer and has a button, “Undo” without a `label`. */
export function useNotify(): Notify {
  return use(NoticeContext)
}

const shownMs = 8000
const shownWithActionMs = 60_000
let lastId = 0

export function NoticeProvider({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<Notice>()
  const notify = useCallback<Notify>((text, action, label) => {
    // The next person in this tab does not see the outcome of what the last one began.
    if (isSignedOut()) return
    lastId += 1
    setNotice({ id: lastId, text, action, label })
    setTimeout(keepFocus)
  }, [])
  useEffect(() => onSessionEnd(() => setNotice(undefined)), [])

  useEffect(() => {
    if (notice === undefined) return undefined
    const close = () => setNotice(undefined)
    const timer = setTimeout(close, notice.action === undefined ? shownMs : shownWithActionMs)
    // A person who goes on has read it; one with a button stays for its time.
    const goOn = new AbortController()
    if (notice.action === undefined) window.addEventListener('click', close, { capture: true, signal: goOn.signal })
    return () => {
      clearTimeout(timer)
      goOn.abort()
    }
  }, [notice])

  // An action may show another notice before it ends.
  const close = ({ id }: Notice) => setNotice((shown) => (shown?.id === id ? undefined : shown))
  return (
    <NoticeContext value={notify}>
      {children}
      {/* Present from the start: screen readers announce only changes of a region that they know. */}
      <div className="notices" role="status" aria-live="polite">
        {notice === undefined ? null : <NoticeBar key={notice.id} notice={notice} close={() => close(notice)} />}
      </div>
    </NoticeContext>
  )
}

/** The button that was pressed is often gone afterwards. A person without a mouse then goes on from the title of the view. */
function keepFocus(): void {
  if (document.activeElement === document.body)
    document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
}

function NoticeBar({ notice, close }: { notice: Notice; close: () => void }) {
  const { everyView } = useTexts()
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const { action, label } = notice
  const run = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await action?.()
      close()
    } catch (failure) {
      setError(failure instanceof Error ? failure : new Failure('unknown', 0))
    } finally {
      setBusy(false)
    }
  }
  return (
    <div className="notice">
      <span>
        <span data-given>{notice.text}</span>
        {error === undefined ? null : (
          <>
            {' '}
            <Explanation error={error} />
          </>
        )}
      </span>
      {action === undefined ? null : (
        <Button size="sm" variant="white" loading={isBusy} onClick={() => void run()}>
          {label ?? everyView.undo}
        </Button>
      )}
      <Button size="sm" variant="transparent" className="notice-close" aria-label={everyView.close} onClick={close}>
        <span aria-hidden="true">×</span>
      </Button>
    </div>
  )
}
