import { Button } from '@mantine/core'
import { useEffect, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'
import type { DraftPage } from '../uploads/drafts.ts'
import { PickButton } from '../uploads/pick-button.tsx'
import { LargePhoto } from './large-photo.tsx'

export type PageActions = {
  move: (from: number, to: number) => void
  turn: (index: number) => void
  remove: (index: number) => void
  replace: (index: number, file: File) => void
}

type Props = { page: DraftPage; index: number; count: number; actions: PageActions }

/** One page: its photo, and what can be done with it by finger, mouse or keyboard. */
export function PhotoPage({ page, index, count, actions }: Props) {
  const { photos: texts } = useTexts()
  const number = index + 1
  const isTouched = navigator.maxTouchPoints > 0
  return (
    <li
      className="photo-page"
      draggable
      onDragStart={(event) => event.dataTransfer.setData('text/x-page', String(index))}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        const from = event.dataTransfer.getData('text/x-page')
        if (from === '') return
        event.preventDefault()
        actions.move(Number(from), index)
      }}
    >
      <Photo page={page} number={number} />
      <div className="photo-facts">
        <h3 className="card-title">{texts.page(number)}</h3>
        <span className="actions">
          <PageButton
            id={`up-${page.id}`}
            label={texts.upOf(number)}
            text="↑"
            isOff={index === 0}
            act={() => actions.move(index, index - 1)}
          />
          <PageButton
            id={`down-${page.id}`}
            label={texts.downOf(number)}
            text="↓"
            isOff={number === count}
            act={() => actions.move(index, index + 1)}
          />
          <PageButton label={texts.turnOf(number)} text={texts.turn} act={() => actions.turn(index)} />
          <PickButton
            size="sm"
            accept="image/*"
            kind={isTouched ? 'camera' : 'one'}
            variant="default"
            label={isTouched ? texts.retakeOf(number) : texts.replaceOf(number)}
            add={([file]) => {
              if (file !== undefined) actions.replace(index, file)
            }}
          >
            {isTouched ? texts.retake : texts.replace}
          </PickButton>
          <PageButton label={texts.removeOf(number)} text={texts.remove} act={() => actions.remove(index)} />
        </span>
      </div>
    </li>
  )
}

/** Small, and large after a tap. */
function Photo({ page: { jpeg, turn }, number }: { page: DraftPage; number: number }) {
  const { photos: texts } = useTexts()
  const address = useAddress(jpeg)
  const [isLarge, setLarge] = useState(false)
  return (
    <>
      <button type="button" className="photo-frame" aria-label={texts.enlargeOf(number)} onClick={() => setLarge(true)}>
        {address === undefined ? null : (
          <img src={address} alt={texts.preview(number)} className={`photo turn-${turn}`} draggable={false} />
        )}
      </button>
      {isLarge && address !== undefined ? (
        <LargePhoto address={address} number={number} turn={turn} close={() => setLarge(false)} />
      ) : null}
    </>
  )
}

type ButtonProps = { id?: string; label: string; text: string; isOff?: boolean; act: () => void }

function PageButton({ id, label, text, isOff = false, act }: ButtonProps) {
  return (
    <Button id={id} size="sm" variant="default" aria-label={label} disabled={isOff} onClick={act}>
      {text}
    </Button>
  )
}

/** An address of the photo for this page alone; the browser frees it afterwards. */
function useAddress(jpeg: Blob): string | undefined {
  const [address, setAddress] = useState<string>()
  useEffect(() => {
    const created = URL.createObjectURL(jpeg)
    setAddress(created)
    return () => URL.revokeObjectURL(created)
  }, [jpeg])
  return address
}
