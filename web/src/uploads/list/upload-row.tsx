import { Button } from '@mantine/core'

import type { Failure } from '../../api/problem.ts'
import { Explanation } from '../../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { isBeingChecked, isOpen, type Upload } from '../upload-record.ts'
import { cancelUpload, hideUploads, pauseUpload, retryUpload } from '../manage-uploads.ts'

type Props = {
  upload: Upload
  /** The document is named above already. */
  isAtButton?: boolean
}

/** One upload: its name, how far it is, what is wrong, and what can be done. */
export function UploadRow({ upload, isAtButton = false }: Props) {
  const { upload: texts, everyView } = useTexts()
  const { fileName, fileBytes, state, failure, target, sentBytes } = upload
  return (
    <li className="upload-row">
      <div className="upload-text">
      <p className="upload-name">
        <Given>{fileName}</Given>
      </p>
      {isAtButton ? null : (
        <p className="hint">
          <Given>{target.typeName}</Given>
        </p>
      )}
      {isOpen(upload) ? (
        <progress value={sentBytes} max={Math.max(fileBytes, 1)} aria-label={texts.progress(fileName)} />
      ) : null}
      <p className={`upload-state upload-${state}`}>
        <StateText upload={upload} />
      </p>
      {failure === undefined || state !== 'failed' ? null : (
        <p>
          <Reason failure={failure} />
        </p>
      )}
      {failure?.requestId === undefined || state !== 'failed' ? null : (
        <p className="request-id">{everyView.requestId(failure.requestId)}</p>
      )}
      </div>
      <Actions upload={upload} />
    </li>
  )
}

function Reason({ failure }: { failure: Failure }) {
  const { upload: texts } = useTexts()
  return failure.code === 'file_unreadable' ? texts.unreadable : <Explanation error={failure} />
}

function StateText({ upload }: { upload: Upload }) {
  const { upload: texts } = useTexts()
  const formats = useFormats()
  const { state, sentBytes, fileBytes, failure } = upload
  const sent = formats.bytes(sentBytes)
  const total = formats.bytes(fileBytes)
  if (isBeingChecked(upload)) return texts.checking
  if (state === 'sending') return texts.sending(sent, total)
  if (state === 'paused' && sentBytes > 0) return texts.pausedAt(sent, total)
  if (state === 'interrupted' && failure !== undefined && failure.code !== 'network') return texts.busy
  return texts[state]
}

function Actions({ upload }: { upload: Upload }) {
  const { upload: texts, everyView } = useTexts()
  const { id, state, fileName, file } = upload
  // The service has every byte and decides.
  if (isBeingChecked(upload)) return null
  const mayRetry = state === 'failed' && file !== undefined
  return (
    <span className="actions">
      {mayRetry ? <Act text={everyView.retry} label={texts.retry(fileName)} act={() => retryUpload(id)} isMain /> : null}
      {state === 'interrupted' ? (
        <Act text={texts.retryNow} label={texts.retryNowOf(fileName)} act={() => retryUpload(id)} />
      ) : null}
      {state === 'waiting' || state === 'sending' ? (
        <Act text={texts.pause} label={texts.pauseOf(fileName)} act={() => pauseUpload(id)} />
      ) : null}
      {state === 'paused' ? (
        <Act text={texts.resume} label={texts.resumeOf(fileName)} act={() => retryUpload(id)} isMain />
      ) : null}
      {isOpen(upload) ? (
        <Act text={everyView.cancel} label={texts.cancel(fileName)} act={() => cancelUpload(id)} />
      ) : (
        <Button size="sm" variant="subtle" aria-label={texts.remove(fileName)} onClick={() => hideUploads([id])}>
          {everyView.hide}
        </Button>
      )}
    </span>
  )
}

type ActProps = { text: string; label: string; act: () => void; isMain?: boolean }

function Act({ text, label, act, isMain = false }: ActProps) {
  return (
    <Button size="sm" variant={isMain ? 'filled' : 'default'} aria-label={label} onClick={act}>
      {text}
    </Button>
  )
}
