import { Button } from '@mantine/core'
import { useEffect, useState } from 'react'

import { useFormats, useTexts } from '../texts/texts.tsx'
import './uploads.css'
import { Announcer } from './announcer.tsx'
import { isOpen, type Upload } from './upload.ts'
import { UploadRow } from './upload-row.tsx'
import { useUploads } from './upload-state.ts'
import { hideUploads } from './uploads.ts'

/** The uploads of this person on this device with progress in bytes, and what to do about each. */
export function UploadList({ firmId }: { firmId: string }) {
  const uploads = useUploads(firmId)
  return (
    <section className={uploads.length === 0 ? undefined : 'box upload-list'}>
      {uploads.length === 0 ? null : <Uploads uploads={uploads} />}
      <Announcer uploads={uploads} />
    </section>
  )
}

function Uploads({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  const ended = uploads.filter((upload) => !isOpen(upload))
  return (
    <>
      <div className="upload-head">
        <h2>{texts.title}</h2>
        {ended.length > 1 ? (
          <Button size="sm" variant="subtle" onClick={() => hideUploads(ended.map(({ id }) => id))}>
            {texts.hideEnded}
          </Button>
        ) : null}
      </div>
      {uploads.length > 1 ? <Summary uploads={uploads} /> : null}
      <Assurance uploads={uploads} />
      <ul className="uploads">
        {uploads.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
      </ul>
    </>
  )
}

/** How far all of them are, in files and bytes. */
function Summary({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  const formats = useFormats()
  const counted = uploads.filter(({ state }) => state !== 'cancelled')
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
  if (open.length === 0) return null
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
