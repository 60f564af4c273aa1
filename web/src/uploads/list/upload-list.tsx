import { Button } from '@mantine/core'
import { useEffect, useState } from 'react'
import { Link } from 'react-router'

import { useFormats, useTexts } from '../../texts/texts.tsx'
import './uploads.css'
import { Announcer } from './announcer.tsx'
import { isOpen, type Upload } from '../upload-record.ts'
import { UploadRow } from './upload-row.tsx'
import { listUploads, useUploads } from '../upload-state.ts'
import { hideUploads } from '../manage-uploads.ts'

type Props = {
  firmId: string
  /** Whether the view shows the end of an upload at the buttons that it was chosen with. */
  isShownAtButton?: (upload: Upload) => boolean
}

/** The uploads of this person on this device with progress in bytes. Once all ended, it is a line, and it goes with the view. */
export function UploadList({ firmId, isShownAtButton = () => false }: Props) {
  const uploads = useUploads(firmId)
  const open = uploads.filter(isOpen)
  const elsewhere = uploads.filter((upload) => upload.state === 'failed' && !isShownAtButton(upload))
  useEffect(() => () => hideArrived(firmId), [firmId])
  return (
    <section className={open.length === 0 ? undefined : 'box upload-list'}>
      {open.length === 0 ? (
        <Ended done={uploads.filter(({ state }) => state === 'done')} isShownAtButton={isShownAtButton} />
      ) : (
        <Uploads uploads={uploads} />
      )}
      {elsewhere.length === 0 ? null : <FailedElsewhere firmId={firmId} count={elsewhere.length} />}
      <Announcer uploads={uploads} />
    </section>
  )
}

/** After all of them, at the end of the view. */
function hideArrived(firmId: string): void {
  const uploads = listUploads().filter(({ target }) => target.firmId === firmId)
  if (uploads.some(isOpen)) return
  hideUploads(uploads.filter(({ state }) => state !== 'failed').map(({ id }) => id))
}

function Uploads({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  const listed = uploads.filter((upload) => isOpen(upload) || upload.state === 'cancelled')
  return (
    <>
      <h2>{texts.title}</h2>
      {uploads.length > 1 ? <Summary uploads={uploads} /> : null}
      <Assurance uploads={uploads} />
      <ul className="uploads">
        {listed.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
      </ul>
    </>
  )
}

function Ended({ done, isShownAtButton }: { done: readonly Upload[] } & Required<Pick<Props, 'isShownAtButton'>>) {
  const { upload: texts, everyView } = useTexts()
  if (done.length === 0 || (done.length === 1 && done.every(isShownAtButton))) return null
  return (
    <p className="uploads-ended">
      <span className="upload-done">{texts.summary(done.length, done.length)}</span>
      <Button size="sm" variant="subtle" onClick={() => hideUploads(done.map(({ id }) => id))}>
        {everyView.hide}
      </Button>
    </p>
  )
}

function FailedElsewhere({ firmId, count }: { firmId: string; count: number }) {
  const { upload: texts } = useTexts()
  return (
    <p className="uploads-ended" role="status">
      <span className="upload-failed">{texts.failedElsewhere(count)}</span>
      <Link to={`/firms/${firmId}/checklist`} className="tap">
        {texts.toFailed}
      </Link>
    </p>
  )
}

/** How far all of them are, in files and bytes. Files that are not uploaded do not count: nothing is sent for them. */
function Summary({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  const formats = useFormats()
  const counted = uploads.filter((upload) => isOpen(upload) || upload.state === 'done')
  const total = sumOf(counted, ({ fileBytes }) => fileBytes)
  const sent = sumOf(counted, ({ sentBytes }) => sentBytes)
  const doneCount = counted.filter(({ state }) => state === 'done').length
  return (
    <div className="done">
      <progress value={sent} max={Math.max(total, 1)} aria-label={texts.progressOfAll} />
      <p>
        {texts.summary(doneCount, counted.length)} · {texts.sending(formats.bytes(sent), formats.bytes(total))}
      </p>
    </div>
  )
}

export function sumOf(uploads: readonly Upload[], count: (upload: Upload) => number): number {
  return uploads.reduce((sum, upload) => sum + count(upload), 0)
}

/** Whether the page must stay open, and whether the connection is away. */
function Assurance({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts, errors } = useTexts()
  const isOnline = useOnline()
  const open = uploads.filter(isOpen)
  return (
    <>
      {isOnline ? null : <p className="box box-warn">{errors.offline}</p>}
      {open.every(({ isLasting }) => isLasting) ? (
        <p className="hint">{texts.lasting}</p>
      ) : (
        <p className="box box-warn">{texts.notLasting}</p>
      )}
    </>
  )
}

function useOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine)
  useEffect(() => {
    const read = () => setOnline(navigator.onLine)
    window.addEventListener('online', read)
    window.addEventListener('offline', read)
    return () => {
      window.removeEventListener('online', read)
      window.removeEventListener('offline', read)
    }
  }, [])
  return isOnline
}
