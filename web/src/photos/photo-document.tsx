import { Button } from '@mantine/core'
import { useEffect, useId, useRef, useState } from 'react'

import { Failure } from '../api/problem.ts'
import type { DocumentType } from '../api/queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useFormats, useTexts } from '../texts/texts.tsx'
import { isHeic, useFileCheck, useRules } from '../uploads/check-file.ts'
import { PickButton } from '../uploads/pick-button.tsx'
import type { UploadTarget } from '../uploads/upload.ts'
import { addUpload } from '../uploads/uploads.ts'
import { PhotoPage } from './photo-page.tsx'
import { join } from './photo-work.ts'
import './photos.css'
import { usePageActions } from './use-page-actions.ts'
import { type PhotoPages, usePhotoPages } from './use-photo-pages.ts'

type Props = {
  type: DocumentType
  target: UploadTarget
  /** The photos to begin with; none: what was begun before. */
  files: readonly File[]
  /** Whether the files may also be uploaded as they are. */
  maySeparate: boolean
  close: () => void
}

/** Puts photos together to one document: add, reorder, turn, retake and remove pages, then upload them as one PDF. */
export function PhotoDocument({ type, target, files, maySeparate, close }: Props) {
  const { photos: texts, everyView } = useTexts()
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  const photos = usePhotoPages(target, files)
  const { actions, spoken } = usePageActions(photos)
  const { pages } = photos
  const end = () => dialog.current?.close()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} className="photo-document" aria-labelledby={title} onClose={close}>
      <header className="photo-head">
        <h2 id={title}>{texts.title(type.name)}</h2>
        <Button variant="subtle" size="sm" onClick={end}>
          {everyView.close}
        </Button>
      </header>
      <p className="hint">{texts.help}</p>
      <Problems photos={photos} />
      <ol className="photo-pages">
        {pages.map((page, index) => (
          <PhotoPage key={page.id} page={page} index={index} count={pages.length} actions={actions} />
        ))}
      </ol>
      {pages.length === 0 && photos.preparing === 0 ? <p>{texts.empty}</p> : null}
      {photos.preparing > 0 ? <p className="hint">{texts.preparing(photos.preparing)}</p> : null}
      <AddPages photos={photos} />
      <Ending type={type} target={target} photos={photos} files={maySeparate ? files : []} end={end} />
      <p className="for-readers" role="status" aria-live="polite">
        {spoken}
      </p>
    </dialog>
  )
}

/** Files that are no photos, and a device that stores nothing. */
function Problems({ photos: { unreadable, isLasting } }: { photos: PhotoPages }) {
  const { photos: texts, upload } = useTexts()
  return (
    <>
      {unreadable.map((file) => (
        <p key={file.name} className="box box-bad" role="alert">
          {isHeic(file) ? texts.heic(file.name) : texts.unreadable(file.name)}
        </p>
      ))}
      {isLasting ? null : <p className="box box-warn">{upload.notLasting}</p>}
    </>
  )
}

function AddPages({ photos: { pages, add } }: { photos: PhotoPages }) {
  const { photos: texts } = useTexts()
  const addAll = (files: readonly File[]) => void add(files)
  const take = pages.length === 0 ? texts.takeFirst : texts.takePage
  return (
    <span className="actions">
      {navigator.maxTouchPoints > 0 ? (
        <PickButton accept="image/*" kind="camera" variant="default" label={take} add={addAll}>
          {take}
        </PickButton>
      ) : null}
      <PickButton accept="image/*" kind="many" variant="default" label={texts.addPages} add={addAll}>
        {texts.addPages}
      </PickButton>
    </span>
  )
}

type EndingProps = Pick<Props, 'type' | 'target' | 'files'> & { photos: PhotoPages; end: () => void }

/** Uploads the pages as one PDF, or the files as they are, or discards them. */
function Ending({ type, target, files, photos: { pages, preparing, change }, end }: EndingProps) {
  const { photos: texts } = useTexts()
  const formats = useFormats()
  const check = useFileCheck(useRules(type, target.documentId))
  const [problem, setProblem] = useState<Failure>()
  const [isBusy, setBusy] = useState(false)
  const size = pages.reduce((sum, { jpeg }) => sum + jpeg.size, 0)
  const discard = () => {
    change(() => [])
    end()
  }
  const upload = async () => {
    setBusy(true)
    try {
      const pdf = await join([...pages])
      const file = new File([pdf], texts.fileName(type.name, formats.date(new Date())), { type: pdf.type })
      const failure = check(file)
      setProblem(failure)
      if (failure !== undefined) return
      await addUpload(target, file)
      discard()
    } catch {
      setProblem(new Failure('not_joined', 0, { detail: texts.joinFailed }))
    } finally {
      setBusy(false)
    }
  }
  const separate = () => {
    for (const file of files) void addUpload(target, file, check(file))
    discard()
  }
  return (
    <footer className="photo-end">
      {problem === undefined ? null : <ProblemBox error={problem} />}
      {pages.length === 0 ? null : (
        <Button size="md" loading={isBusy} disabled={preparing > 0} onClick={() => void upload()}>
          {texts.upload(pages.length, formats.bytes(size))}
        </Button>
      )}
      {files.length < 2 ? null : (
        <Button size="md" variant="default" onClick={separate}>
          {texts.separate(files.length)}
        </Button>
      )}
      {pages.length === 0 ? null : (
        <>
          <Button size="md" variant="subtle" onClick={discard}>
            {texts.discard}
          </Button>
          <p className="hint">
            {files.length < 2 ? null : <>{texts.separateHelp} </>}
            {texts.closeHelp}
          </p>
        </>
      )}
    </footer>
  )
}
