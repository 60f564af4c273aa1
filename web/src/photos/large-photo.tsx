import { Button } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'

type Props = { address: string; number: number; turn: number; close: () => void }

/** A page as large as the screen, and larger after another tap: to see whether every word can be read. */
export function LargePhoto({ address, number, turn, close }: Props) {
  const { photos: texts, everyView } = useTexts()
  const dialog = useRef<HTMLDialogElement>(null)
  const [isLarger, setLarger] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      className="large-photo"
      aria-label={texts.preview(number)}
      onClose={(event) => {
        // The dialog around it stays open.
        event.stopPropagation()
        close()
      }}
    >
      <span className="actions">
        <Button size="sm" variant="default" aria-pressed={isLarger} onClick={() => setLarger(!isLarger)}>
          {isLarger ? texts.whole : texts.larger}
        </Button>
        <Button size="sm" variant="default" onClick={() => dialog.current?.close()}>
          {everyView.close}
        </Button>
      </span>
      <div className="large-frame" tabIndex={0} role="group" aria-label={texts.page(number)}>
        <img
          src={address}
          alt={texts.preview(number)}
          className={`large turn-${turn}${isLarger ? ' is-larger' : ''}`}
          onClick={() => setLarger(!isLarger)}
        />
      </div>
    </dialog>
  )
}
