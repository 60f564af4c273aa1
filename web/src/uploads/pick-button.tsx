import { Button } from '@mantine/core'
import { useRef } from 'react'

type Props = {
  accept: string
  kind: 'many' | 'one' | 'camera'
  add: (files: readonly File[]) => void
  variant: string
  size?: 'sm' | 'md'
  /** Names the document too, for people who hear the buttons one by one. */
  label: string
  children: string
}

/** A button that opens the browser's own picker or camera. */
export function PickButton({ accept, kind, add, variant, size = 'md', label, children }: Props) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <Button variant={variant} size={size} aria-label={label} onClick={() => input.current?.click()}>
        {children}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={kind === 'many'}
        {...(kind === 'camera' ? { capture: 'environment' as const } : {})}
        onChange={(event) => {
          add([...(event.currentTarget.files ?? [])])
          // The same file can be chosen again after an error.
          event.currentTarget.value = ''
        }}
      />
    </>
  )
}
