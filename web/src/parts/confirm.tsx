import { Button } from '@mantine/core'
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { flushSync } from 'react-dom'

import { useTexts } from '../texts/texts.tsx'
import { ProblemBox } from './problem-box.tsx'

type ConfirmProps = {
  label: string
  /** For screen readers, where several buttons have the same label. */
  ariaLabel?: string
  /** What it does, and whether it can be undone. */
  question: string
  isPending: boolean
  error: Error | null
  run: () => void
  isDanger?: boolean
  children?: ReactNode
}

/** Asks in place before something that somebody else will notice. The first press changes nothing, and the question ends once it is done. */
export function Confirm({
  label,
  ariaLabel,
  question,
  isPending,
  error,
  run,
  isDanger = false,
  children,
}: ConfirmProps) {
  const { everyView } = useTexts()
  const [isAsking, setAsking] = useState(false)
  const yes = useRef<HTMLButtonElement>(null)
  const opener = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (isAsking) yes.current?.focus()
  }, [isAsking])
  const wasPending = useRef(false)
  useEffect(() => {
    if (wasPending.current && !isPending && error === null) setAsking(false)
    wasPending.current = isPending
  }, [isPending, error])
  const cancel = () => {
    flushSync(() => setAsking(false))
    opener.current?.focus()
  }
  if (!isAsking)
    return (
      <Button ref={opener} variant="default" aria-label={ariaLabel} onClick={() => setAsking(true)}>
        {label}
      </Button>
    )
  return (
    <div className="box box-warn confirm" role="group" aria-label={ariaLabel ?? label}>
      <p>{question}</p>
      {children}
      {error === null ? null : <ProblemBox error={error} />}
      <span className="actions">
        <Button
          ref={yes}
          loading={isPending}
          className={isDanger ? 'danger-yes' : undefined}
          onKeyDown={ignoreHeldKey}
          onClick={run}
        >
          {label}
        </Button>
        <Button variant="default" onClick={cancel}>
          {everyView.cancel}
        </Button>
      </span>
    </div>
  )
}

/** The key that opened the question and is still held does not answer it. */
function ignoreHeldKey(event: KeyboardEvent): void {
  if (event.repeat && event.key === 'Enter') event.preventDefault()
}
