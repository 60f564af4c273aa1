import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'

import { Given, useTexts } from '../texts/texts.tsx'

type Props = { files: readonly File[]; typeName: string; isOfDocument: boolean; answer: (isWanted: boolean) => void }

/** Several files at one type are several documents, which a person may not expect: asked before a byte is sent. */
export function AskMany({ files, typeName, isOfDocument, answer }: Props) {
  const { upload: texts, everyView } = useTexts()
  const yes = useRef<HTMLButtonElement>(null)
  useEffect(() => yes.current?.focus(), [])
  const count = files.length
  const question = isOfDocument ? texts.manyVersions(count) : texts.manyDocuments(count)
  return (
    <div className="box box-warn" role="group" aria-label={question}>
      <p>
        {question} <Given>{typeName}</Given>
      </p>
      <p>
        <Given>{files.map(({ name }) => name).join(' · ')}</Given>
      </p>
      <span className="actions">
        <Button ref={yes} size="md" onClick={() => answer(true)}>
          {isOfDocument ? texts.uploadVersions(count) : texts.uploadDocuments(count)}
        </Button>
        <Button size="md" variant="default" onClick={() => answer(false)}>
          {everyView.cancel}
        </Button>
      </span>
    </div>
  )
}
