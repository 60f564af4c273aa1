import { Button, Loader } from '@mantine/core'
import { useState } from 'react'

import type { StoredDocument } from '../api/queries.ts'
import type { Texts } from '../texts/en.ts'
import { useTexts } from '../texts/texts.tsx'
import { ImageSheet } from './image-sheet.tsx'
import { type Drawn, type NamedFile, PdfFrame } from './pdf-frame.tsx'
import { canPreview, isBlocked, type PreviewFile } from './preview-query.ts'

export type View = { zoom: number; quarterTurns: number }

type SheetProps = {
  document: StoredDocument
  /** Of the version. */
  name: string
  file: { data?: PreviewFile | undefined; error: Error | null }
  view: View
  drawn: Drawn | undefined
  onDrawn: (drawn: Drawn) => void
}

/** The drawn file, or why it is not drawn and how to read it all the same. */
export function PreviewSheet(props: SheetProps) {
  const { preview: texts } = useTexts()
  const { document, file, drawn } = props
  if (!canPreview(document)) return <p className="box">{texts.notShowable}</p>
  const instead = reasonOf(texts, { isBlocked: isBlocked(document, file.data), drawn })
  return (
    <>
      {instead === undefined || file.data === undefined ? null : <Instead text={instead} url={file.data.url} />}
      <div
        className="preview-body"
        hidden={instead !== undefined || file.error !== null}
        aria-busy={drawn === undefined}
      >
        {drawn === undefined ? <Loader className="preview-wait" role="status" aria-label={texts.loading} /> : null}
        <Drawing {...props} />
      </div>
    </>
  )
}

/** The last PDF stays in its frame, out of sight, while an image or the next file is shown. */
function Drawing({ document, name, file: { data: file }, view, drawn, onDrawn }: SheetProps) {
  const isPdf = document.mime_type === 'application/pdf'
  const pdf = useLastPdf(isPdf ? file?.bytes : undefined, name)
  const frame =
    pdf === undefined ? null : (
      <div className="preview-pdf" inert={!isPdf || drawn?.kind !== 'shown'}>
        <PdfFrame file={pdf} view={{ name, ...view }} onDrawn={onDrawn} />
      </div>
    )
  if (isPdf || file === undefined) return frame
  return (
    <>
      {frame}
      <ImageSheet key={name} file={file} name={name} label={document.file_name} view={view} onDrawn={onDrawn} />
    </>
  )
}

function useLastPdf(bytes: Blob | undefined, name: string): NamedFile | undefined {
  const [pdf, setPdf] = useState<NamedFile>()
  if (bytes !== undefined && pdf?.name !== name) setPdf({ name, bytes })
  return pdf
}

/** Why the file is not drawn; undefined: it is, or will be. */
function reasonOf(
  texts: Texts['preview'],
  { isBlocked: isUnreadable, drawn }: { isBlocked: boolean; drawn: Drawn | undefined },
): string | undefined {
  if (isUnreadable) return texts.noAccess
  if (drawn?.kind !== 'failed') return undefined
  return drawn.why === 'password' ? texts.password : texts.damaged
}

function Instead({ text, url }: { text: string; url: string }) {
  const { preview: texts } = useTexts()
  return (
    <div className="box box-wait">
      <p>{text}</p>
      <Button component="a" href={url} target="_blank" rel="noreferrer">
        {texts.open}
      </Button>
    </div>
  )
}
