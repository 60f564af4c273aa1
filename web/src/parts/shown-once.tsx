import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'

type Props = { title: string; help: ReactNode; secret: string; copy?: string; done?: string; close: () => void }

/** A secret or a link that the service shows this once. It gets the focus, so that nobody leaves it unseen. */
export function ShownOnce({ title, help, secret, copy, done, close }: Props) {
  const { everyView: texts } = useTexts()
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => box.current?.focus(), [])
  return (
    <div ref={box} className="box box-good" tabIndex={-1} role="group" aria-label={title}>
      <h2>{title}</h2>
      <div>{help}</div>
      <code className="secret" data-given>
        {secret}
      </code>
      <span className="actions">
        <CopyButton label={copy ?? texts.copy} text={secret} />
        <Button variant="default" onClick={close}>
          {done ?? texts.storedIt}
        </Button>
      </span>
    </div>
  )
}

type CopyProps = { label: string; text: string; variant?: 'filled' | 'default' }

/** Copies a text. Absent where the page has no safe connection: browsers have no clipboard there. */
export function CopyButton({ label, text, variant = 'filled' }: CopyProps) {
  const { everyView } = useTexts()
  const [outcome, setOutcome] = useState<'copied' | 'failed'>()
  if (!('clipboard' in navigator)) return null
  const copy = async () => {
    const isDone = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    )
    setOutcome(isDone ? 'copied' : 'failed')
  }
  const said = outcome === undefined ? undefined : everyView[outcome === 'copied' ? 'copied' : 'notCopied']
  return (
    <>
      <Button variant={variant} onClick={() => void copy()}>
        {said ?? label}
      </Button>
      {/* Screen readers do not read a new name of the button that they are on. */}
      <span role="status" className="for-readers">
        {said}
      </span>
    </>
  )
}
