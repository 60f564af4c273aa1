import { Button } from '@mantine/core'
import { useState } from 'react'

import { useTexts } from '../texts/texts.tsx'

type Props = { label: string; text: string; variant?: 'filled' | 'default' }

/** Copies a text. Absent where the page has no safe connection: browsers have no clipboard there. */
export function CopyButton({ label, text, variant = 'filled' }: Props) {
  const { everyView } = useTexts()
  const [isCopied, setCopied] = useState(false)
  if (!('clipboard' in navigator)) return null
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
  }
  return (
    <Button variant={variant} onClick={() => void copy()}>
      {isCopied ? everyView.copied : label}
    </Button>
  )
}
