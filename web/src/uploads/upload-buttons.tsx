import { Button } from '@mantine/core'
import { type DragEvent, type ReactNode, useState } from 'react'

import type { DocumentType } from '../api/queries.ts'
import { useOpenPhotos } from '../photos/photo-dialog.tsx'
import { useFormats, useTexts } from '../texts/texts.tsx'
import { AskMany } from './ask-many.tsx'
import { acceptOf, formatNames, isPhoto, useFileCheck, useRules } from './check-file.ts'
import { useDraftLength } from './drafts.ts'
import { PickButton } from './pick-button.tsx'
import { isOpen, type UploadTarget } from './upload-record.ts'
import { listUploads } from './upload-state.ts'
import { addUpload, hideUploads } from './manage-uploads.ts'

type Props = {
  firmId: string
  type: DocumentType
  /** The document that gets a newer version; undefined: a new document. */
  documentId?: string | undefined
  /** The one thing to do next, which stands out. */
  isNextStep?: boolean
}

type Files = readonly File[]

// A file that is dropped beside would replace the page.
for (const event of ['dragover', 'drop'] as const)
  window.addEventListener(event, (drag) => {
    if (drag.dataTransfer?.types.includes('Files') === true) drag.preventDefault()
  })

/** Choose, photograph or drop a file for a document that is asked for. */
export function UploadButtons(place: Props) {
  const { type, isNextStep = false } = place
  const { upload: texts, photos } = useTexts()
  const formats = useFormats()
  const { maxBytes } = useRules(type, place.documentId)
  const adding = useAdding(place)
  return (
    <DropArea add={adding.add}>
      <span className="actions">
        <ContinueButton adding={adding} type={type} />
        <PickButton
          accept={acceptOf(type)}
          kind="many"
          add={adding.add}
          variant={isNextStep && adding.draftLength === 0 ? 'filled' : 'default'}
          label={texts.chooseFor(type.name)}
        >
          {texts.choose}
        </PickButton>
        <CameraButton adding={adding} type={type} />
        <span className="drop-hint">{texts.drop}</span>
      </span>
      <p className="hint">
        {formats.either(formatNames(type))}
        {maxBytes === null ? null : `, ${texts.maxSize(formats.bytes(maxBytes))}`}
        {adding.canJoin ? <>. {photos.hint}</> : null}
      </p>
      {adding.question}
    </DropArea>
  )
}

/** For a document that is fine as it is: a newer version is possible, but not asked for. */
export function NewerVersionButton(place: Omit<Props, 'isNextStep'>) {
  const { upload: texts } = useTexts()
  const { type } = place
  const adding = useAdding(place)
  return (
    <DropArea add={adding.add}>
      <span className="actions">
        <PickButton
          accept={acceptOf(type)}
          kind="many"
          add={adding.add}
          variant="default"
          label={texts.newerFor(type.name)}
        >
          {texts.newer}
        </PickButton>
        <CameraButton adding={adding} type={type} />
        <ContinueButton adding={adding} type={type} />
      </span>
      {adding.question}
    </DropArea>
  )
}

/** Only on devices with a screen to touch, which have a camera at hand. */
function CameraButton({ adding, type }: { adding: Adding; type: DocumentType }) {
  const { photos } = useTexts()
  if (navigator.maxTouchPoints === 0) return null
  const label = photos.takeFor(type.name)
  return (
    <PickButton accept="image/*" kind="camera" add={adding.addFromCamera} variant="default" label={label}>
      {photos.take}
    </PickButton>
  )
}

/** The pages that a person began before the tab was closed, or before the phone closed it. */
function ContinueButton({ adding, type }: { adding: Adding; type: DocumentType }) {
  const { photos: texts } = useTexts()
  const { draftLength, goOn } = adding
  if (draftLength === 0) return null
  return (
    <Button size="md" variant="filled" aria-label={texts.goOnFor(type.name, draftLength)} onClick={goOn}>
      {texts.goOn(draftLength)}
    </Button>
  )
}

type Adding = {
  add: (files: Files) => void
  addFromCamera: (files: Files) => void
  goOn: () => void
  draftLength: number
  canJoin: boolean
  /** Asked before several files become several documents. */
  question: ReactNode
}

/**
 * Checks the files and uploads them as they are; those that cannot be accepted are listed with the reason. Several photos
 * become one document, unless the person wants otherwise.
 */
function useAdding({ firmId, type, documentId, isNextStep }: Props): Adding {
  const check = useFileCheck(useRules(type, documentId))
  const openPhotos = useOpenPhotos()
  const target: UploadTarget = { firmId, documentType: type.code, typeName: type.name, documentId, isNextStep }
  const draftLength = useDraftLength(target)
  const canJoin = formatNames(type).includes('PDF')
  const join = (files: Files, maySeparate: boolean) => openPhotos({ type, target, files, maySeparate })
  const upload = (files: Files) => {
    for (const file of files) void addUpload(target, file, check(file))
  }
  const [asked, setAsked] = useState<Files>([])
  const ask = (files: Files) => {
    // With those that still wait for the answer.
    const accepted = [...asked, ...files.filter((file) => check(file) === undefined)]
    const isAsked = accepted.length > 1
    upload(isAsked ? files.filter((file) => !accepted.includes(file)) : files)
    setAsked(isAsked ? accepted : [])
  }
  const answer = (isWanted: boolean) => {
    setAsked([])
    if (isWanted) upload(asked)
  }
  const add = (files: Files) => {
    if (files.length > 0) hideEnded(target)
    const pictures = canJoin ? files.filter(isPhoto) : []
    const isJoined = pictures.length > 1 || pictures.some((file) => check(file) !== undefined)
    ask(isJoined ? files.filter((file) => !pictures.includes(file)) : files)
    if (isJoined) join(pictures, pictures.every((file) => check(file) === undefined))
  }
  const addFromCamera = (files: Files) => {
    if (files.length > 0) hideEnded(target)
    if (!canJoin) upload(files)
    else if (files.length > 0) join(files, false)
  }
  const question =
    asked.length === 0 ? null : (
      <AskMany files={asked} typeName={type.name} isOfDocument={documentId !== undefined} answer={answer} />
    )
  return { add, addFromCamera, goOn: () => join([], false), draftLength, canJoin, question }
}

/** What became of the files that were chosen here before. A file that failed for another document can still be tried again. */
function hideEnded({ firmId, documentType, documentId, isNextStep = false }: UploadTarget): void {
  const ended = listUploads().filter((upload) => {
    const { target } = upload
    const isHere = target.firmId === firmId && target.documentType === documentType
    const isOfOther = target.documentId !== undefined && target.documentId !== documentId
    if (upload.state === 'failed' && isOfOther) return false
    return isHere && (target.isNextStep ?? false) === isNextStep && !isOpen(upload)
  })
  hideUploads(ended.map(({ id }) => id))
}

function DropArea({ add, children }: { add: (files: Files) => void; children: ReactNode }) {
  const [isOver, setOver] = useState(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    add([...event.dataTransfer.files])
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
