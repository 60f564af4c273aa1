import { Button } from '@mantine/core'
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'

type Notice = { id: number; text: string; undo?: (() => Promise<void>) | undefined }
type Notify = (text: string, undo?: () => Promise<void>) => void

const NoticeContext = createContext<Notify>(() => undefined)

/** Shows a short text at the bottom and reads it to screen readers; with `undo` it stays longer and has a button. */
export function useNotify(): Notify {
  return use(NoticeContext)
}

const shownMs = 8000
const shownWithUndoMs = 60_000
let lastId = 0

export function NoticeProvider({ children }: { children: ReactNode }) {
  const [notice, setNotice] = useState<Notice>()
  const notify = useCallback<Notify>((text, undo) => {
    lastId += 1
    setNotice({ id: lastId, text, undo })
    setTimeout(keepFocus)
  }, [])
  const close = useCallback(() => setNotice(undefined), [])

  useEffect(() => {
    if (notice === undefined) return undefined
    const timer = setTimeout(close, notice.undo === undefined ? shownMs : shownWithUndoMs)
    return () => clearTimeout(timer)
  }, [notice, close])

  return (
    <NoticeContext value={notify}>
      {children}
      {/* Present from the start: screen readers announce only changes of a region that they know. */}
      <div className="notices" role="status" aria-live="polite">
        {notice === undefined ? null : <NoticeBar key={notice.id} notice={notice} close={close} />}
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
  const { undo } = notice
  const run = useMemo(
    () => async () => {
      setBusy(true)
      await undo?.().finally(close)
    },
    [undo, close],
  )
  return (
    <div className="notice">
      <span data-given>{notice.text}</span>
      {undo === undefined ? null : (
        <Button size="sm" variant="white" loading={isBusy} onClick={() => void run()}>
          {everyView.undo}
        </Button>
      )}
      <Button size="sm" variant="transparent" className="notice-close" onClick={close}>
        {everyView.close}
      </Button>
    </div>
  )
}
