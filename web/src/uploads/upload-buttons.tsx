import { Button } from '@mantine/core'
import { type DragEvent, type ReactNode, type RefObject, useRef, useState } from 'react'

import type { DocumentType } from '../api/queries.ts'
import { useFormats, useTexts } from '../texts/texts.tsx'
import { acceptOf, formatNames, useFileCheck, useRules } from './check-file.ts'
import { addUpload } from './uploads.ts'

type Props = {
  firmId: string
  type: DocumentType
  /** The document that gets a newer version; undefined: a new document. */
  documentId?: string | undefined
  /** The one thing to do next, which stands out. */
  isFirst?: boolean
}

type Files = FileList | null

/** Choose, photograph or drop a file for a document that is asked for. */
export function UploadButtons({ type, isFirst = false, ...place }: Props) {
  const { upload: texts } = useTexts()
  const formats = useFormats()
  const { maxBytes } = useRules(type, place.documentId)
  const add = useAdd({ type, ...place })
  return (
    <DropArea add={add}>
      <span className="actions">
        <PickButton
          accept={acceptOf(type)}
          add={add}
          variant={isFirst ? 'filled' : 'default'}
          label={texts.chooseFor(type.name)}
        >
          {texts.choose}
        </PickButton>
        {navigator.maxTouchPoints > 0 ? (
          <PickButton accept="image/*" isCamera add={add} variant="default" label={texts.cameraFor(type.name)}>
            {texts.camera}
          </PickButton>
        ) : null}
        <span className="drop-hint">{texts.drop}</span>
      </span>
      <p className="hint">
        {formats.either(formatNames(type))}
        {maxBytes === null ? null : `, ${texts.maxSize(formats.bytes(maxBytes))}`}
      </p>
    </DropArea>
  )
}

/** For a document that is fine as it is: a newer version is possible, but not asked for. */
export function NewerVersionButton({ type, ...place }: Omit<Props, 'isFirst'>) {
  const { upload: texts } = useTexts()
  const add = useAdd({ type, ...place })
  return (
    <DropArea add={add}>
      <span className="actions">
        <PickButton accept={acceptOf(type)} add={add} variant="default" label={texts.newerFor(type.name)}>
          {texts.newer}
        </PickButton>
      </span>
    </DropArea>
  )
}

/** Checks the files and uploads those that may be accepted; the others are listed with the reason. */
function useAdd({ firmId, type, documentId }: Omit<Props, 'isFirst'>): (files: Files) => void {
  const check = useFileCheck(useRules(type, documentId))
  return (files) => {
    const target = { firmId, documentType: type.code, typeName: type.name, documentId }
    for (const file of files ?? []) void addUpload(target, file, check(file))
  }
}

function DropArea({ add, children }: { add: (files: Files) => void; children: ReactNode }) {
  const [isOver, setOver] = useState(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    add(event.dataTransfer.files)
  }
  const enter = (event: DragEvent) => {
    event.preventDefault()
    setOver(true)
  }
  return (
    <div
      className={isOver ? 'upload-buttons is-over' : 'upload-buttons'}
      onDragOver={enter}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {children}
    </div>
  )
}

type PickProps = {
  accept: string
  isCamera?: boolean
  add: (files: Files) => void
  variant: string
  /** Names the document too, for people who hear the buttons one by one. */
  label: string
  children: string
}

/** A button that opens the browser's own picker or camera. */
export function PickButton({ accept, isCamera = false, add, variant, label, children }: PickProps) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <Button variant={variant} size="md" aria-label={label} onClick={() => input.current?.click()}>
        {children}
      </Button>
      <FileInput input={input} accept={accept} isCamera={isCamera} add={add} />
    </>
  )
}

type InputProps = Pick<PickProps, 'accept' | 'add'> & { isCamera: boolean; input: RefObject<HTMLInputElement | null> }

function FileInput({ input, accept, isCamera, add }: InputProps) {
  return (
    <input
      ref={input}
      type="file"
      hidden
      accept={accept}
      {...(isCamera ? { capture: 'environment' as const } : { multiple: true })}
      onChange={(event) => {
        add(event.currentTarget.files)
        // The same file can be chosen again after an error.
        event.currentTarget.value = ''
      }}
    />
  )
}
