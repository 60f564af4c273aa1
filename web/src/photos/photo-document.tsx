import { Button } from '@mantine/core'
import { useEffect, useId, useRef, useState } from 'react'

import { Failure } from '../api/problem.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useFormats, useTexts } from '../texts/texts.tsx'
import { isHeic, useFileCheck, useRules } from '../uploads/check-file.ts'
import { PickButton } from '../uploads/pick-button.tsx'
import { addUpload } from '../uploads/manage-uploads.ts'
import type { PhotoTask } from './photo-dialog.tsx'
import { PhotoPage } from './photo-page.tsx'
import { join } from './ask-photo-worker.ts'
import './photos.css'
import { usePageActions } from './use-page-actions.ts'
import { type PhotoPages, usePhotoPages } from './use-photo-pages.ts'

type Props = PhotoTask & { close: () => void }

/** Puts photos together to one document: add, reorder, turn, retake and remove pages, then upload them as one PDF. */
export function PhotoDocument({ type, target, files, maySeparate, close }: Props) {
  const { photos: texts, everyView } = useTexts()
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  const photos = usePhotoPages(target, files)
  const { actions, spoken } = usePageActions(photos)
  const { pages } = photos
  // As they are they go only in place of all pages.
  const isOnlyFiles = photos.isOnlyPicked && pages.length + photos.preparing + photos.unreadable.length === files.length
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
      <p className="hint">
        {texts.help} {texts.closeHelp}
      </p>
      <Problems photos={photos} />
      <ol className="photo-pages">
        {pages.map((page, index) => (
          <PhotoPage key={page.id} page={page} index={index} count={pages.length} actions={actions} />
        ))}
      </ol>
      {pages.length === 0 && photos.preparing === 0 ? <p>{texts.empty}</p> : null}
      {photos.preparing > 0 ? <p className="hint">{texts.preparing(photos.preparing)}</p> : null}
      <AddPages photos={photos} />
      <Ending
        type={type}
        target={target}
        photos={photos}
        files={maySeparate && isOnlyFiles ? files : []}
        wasSeparate={maySeparate && !isOnlyFiles}
        end={end}
      />
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

type EndingProps = Pick<Props, 'type' | 'target' | 'files'> & {
  photos: PhotoPages
  /** The files could be uploaded as they are until the person changed the pages. */
  wasSeparate: boolean
  end: () => void
}

/** Uploads the pages as one PDF, or the files as they are, or discards them. */
function Ending({ type, target, files, photos, wasSeparate, end }: EndingProps) {
  const { pages, preparing, discard } = photos
  const { photos: texts } = useTexts()
  const formats = useFormats()
  const check = useFileCheck(useRules(type, target.documentId))
  const { problem, isBusy, upload } = useJoining({ type, target, photos, end })
  const size = pages.reduce((sum, { jpeg }) => sum + jpeg.size, 0)
  const discardAll = () => {
    discard()
    end()
  }
  const separate = () => {
    for (const file of files) void addUpload(target, file, check(file))
    discardAll()
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
      {pages.length === 0 && preparing === 0 ? null : (
        <Button size="md" variant="subtle" onClick={discardAll}>
          {texts.discard}
        </Button>
      )}
      {files.length < 2 && !wasSeparate ? null : (
        <p className="hint">{wasSeparate ? texts.noLongerSeparate : texts.separateHelp}</p>
      )}
    </footer>
  )
}

type Joining = { problem: Failure | undefined; isBusy: boolean; upload: () => Promise<void> }

/** Joins the pages to one PDF, uploads it and removes them. */
function useJoining({
  type,
  target,
  photos: { pages, change },
  end,
}: Omit<EndingProps, 'files' | 'wasSeparate'>): Joining {
  const { photos: texts } = useTexts()
  const formats = useFormats()
  const check = useFileCheck(useRules(type, target.documentId))
  const [problem, setProblem] = useState<Failure>()
  const [isBusy, setBusy] = useState(false)
  const upload = async () => {
    setBusy(true)
    const joined = new Set(pages.map(({ jpeg }) => jpeg))
    try {
      const pdf = await join([...pages])
      const file = new File([pdf], texts.fileName(type.name, formats.date(new Date())), { type: pdf.type })
      const failure = check(file)
      setProblem(failure)
      if (failure !== undefined) return
      await addUpload(target, file)
      // Not a page that was added or retaken meanwhile.
      change((before) => before.filter(({ jpeg }) => !joined.has(jpeg)))
      end()
    } catch {
      setProblem(new Failure('not_joined', 0, { detail: texts.joinFailed }))
    } finally {
      setBusy(false)
    }
  }
  return { problem, isBusy, upload }
}
