import { useEffect, useRef, useState } from 'react'

import type { Texts } from '../../texts/en.ts'
import type { Formats } from '../../texts/formats.ts'
import { useFormats, useTexts } from '../../texts/texts.tsx'
import { isOpen, type Upload } from '../upload-record.ts'

/** Reads stored files and each quarter of all bytes to screen readers, and not every byte. What failed is an alert of its own. */
export function Announcer({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  const formats = useFormats()
  const [text, setText] = useState('')
  const announced = useRef(new Map<string, Upload['state']>())
  const quarter = useRef(0)
  useEffect(() => {
    const ended = uploads.flatMap((upload) => {
      const before = announced.current.get(upload.id)
      announced.current.set(upload.id, upload.state)
      return before === upload.state ? [] : sentenceOf(upload, texts)
    })
    const progress = progressOf(uploads.filter(isOpen), { texts, formats })
    const isNew = progress.quarter > quarter.current && progress.quarter < 4
    quarter.current = progress.quarter
    const sentences = [...new Set(ended), ...(isNew ? [progress.text] : [])]
    if (sentences.length > 0) setText(sentences.join(' '))
  }, [uploads, texts, formats])
  return (
    <p className="for-readers" role="status" aria-live="polite" data-given>
      {text}
    </p>
  )
}

function sentenceOf({ state, fileName }: Upload, texts: Texts['upload']): string[] {
  if (state === 'done') return [texts.announceDone(fileName)]
  return state === 'interrupted' ? [texts.announceInterrupted] : []
}

type Words = { texts: Texts['upload']; formats: Formats }

function progressOf(open: readonly Upload[], { texts, formats }: Words): { quarter: number; text: string } {
  let sent = 0
  let total = 0
  for (const { sentBytes, fileBytes } of open) {
    sent += sentBytes
    total += fileBytes
  }
  const text = texts.announceSent(formats.bytes(sent), formats.bytes(total))
  return { quarter: total === 0 ? 0 : Math.floor((sent / total) * 4), text }
}
