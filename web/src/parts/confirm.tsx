import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'
import { ProblemBox } from './problem-box.tsx'

type ConfirmProps = {
  label: string
  /** What it does, and whether it can be undone. */
  question: string
  isPending: boolean
  error: Error | null
  run: () => void
  isDanger?: boolean
  children?: ReactNode
}

/** Asks in place before something that somebody else will notice. The first press changes nothing. */
export function Confirm({ label, question, isPending, error, run, isDanger = false, children }: ConfirmProps) {
  const { everyView } = useTexts()
  const [isAsking, setAsking] = useState(false)
  const yes = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (isAsking) yes.current?.focus()
  }, [isAsking])
  if (!isAsking)
    return (
      <Button variant="default" onClick={() => setAsking(true)}>
        {label}
      </Button>
    )
  return (
    <div className="box box-warn confirm" role="group" aria-label={label}>
      <p>{question}</p>
      {children}
      {error === null ? null : <ProblemBox error={error} />}
      <span className="actions">
        <Button ref={yes} loading={isPending} className={isDanger ? 'danger-yes' : undefined} onClick={run}>
          {label}
        </Button>
        <Button variant="default" onClick={() => setAsking(false)}>
          {everyView.cancel}
        </Button>
      </span>
    </div>
  )
}
