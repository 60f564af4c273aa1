import { Button } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'

import { cancelUpload, removeUpload, retryUpload, type Upload, useUploads } from '../api/uploads.ts'
import { Explanation } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'

/** The uploads of this visit with progress in bytes, and what to do about each. */
export function UploadList({ firmId }: { firmId: string }) {
  const { upload: texts } = useTexts()
  const uploads = useUploads(firmId)
  return (
    <section className={uploads.length === 0 ? undefined : 'box'}>
      {uploads.length === 0 ? null : (
        <>
          <h2>{texts.title}</h2>
          <ul className="uploads">
            {uploads.map((upload) => (
              <UploadRow key={upload.id} upload={upload} />
            ))}
          </ul>
        </>
      )}
      <Announcer uploads={uploads} />
    </section>
  )
}

function UploadRow({ upload }: { upload: Upload }) {
  const { upload: texts, common } = useTexts()
  const { file, state, failure, target, id, sentBytes } = upload
  return (
    <li>
      <p className="upload-name">
        <Given>{file.name}</Given>
      </p>
      <p className="hint">
        <Given>{target.typeName}</Given>
      </p>
      {state === 'sending' ? (
        <progress value={sentBytes} max={file.size} aria-label={texts.progress(file.name)} />
      ) : null}
      <p className={`upload-state upload-${state}`}>
        <StateText upload={upload} />
      </p>
      {failure === undefined ? null : (
        <p>
          <Explanation error={failure} />
        </p>
      )}
      {upload.isDuplicate === true ? <p>{texts.duplicate}</p> : null}
      <span className="actions">
        {state === 'failed' && failure?.isTemporary !== false ? (
          <Button size="sm" aria-label={texts.retry(file.name)} onClick={() => retryUpload(id)}>
            {common.retry}
          </Button>
        ) : null}
        {state === 'sending' || state === 'waiting' ? (
          <Button size="sm" variant="default" aria-label={texts.cancel(file.name)} onClick={() => cancelUpload(id)}>
            {common.cancel}
          </Button>
        ) : (
          <Button size="sm" variant="subtle" aria-label={texts.remove(file.name)} onClick={() => removeUpload(id)}>
            {common.hide}
          </Button>
        )}
      </span>
    </li>
  )
}

function StateText({ upload: { state, sentBytes, file } }: { upload: Upload }) {
  const { upload: texts } = useTexts()
  const formats = useFormats()
  if (state !== 'sending') return texts[state]
  return sentBytes >= file.size ? texts.checking : texts.sending(formats.bytes(sentBytes), formats.bytes(file.size))
}

/** Reads each end of an upload to screen readers, and not every byte of its progress. */
function Announcer({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  const [text, setText] = useState('')
  const announced = useRef(new Map<string, string>())
  useEffect(() => {
    for (const { id, state, file } of uploads) {
      if (announced.current.get(id) === state) continue
      announced.current.set(id, state)
      if (state === 'done') setText(texts.announceDone(file.name))
      if (state === 'failed') setText(texts.announceFailed(file.name))
    }
  }, [uploads, texts])
  return (
    <p className="for-readers" role="status" aria-live="polite" data-given>
      {text}
    </p>
  )
}
