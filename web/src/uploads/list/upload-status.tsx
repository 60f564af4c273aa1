import { useQuery } from '@tanstack/react-query'
import { type RefObject, useEffect, useRef } from 'react'
import { Link } from 'react-router'

import { useTypeName } from '../../api/queries.ts'
import { documentQuery } from '../../documents/document-queries.ts'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { isOpen, type Upload } from '../upload-record.ts'
import { UploadRow } from './upload-row.tsx'

/** What became of the files that were chosen at these buttons. A rejected one stays until another file is chosen. */
export function UploadStatus({ uploads }: { uploads: readonly Upload[] }) {
  const failed = uploads.filter(({ state }) => state === 'failed')
  const problem = useFocusOnFailure(failed)
  return (
    <>
      {failed.length === 0 ? null : (
        <div ref={problem} className="box box-bad" role="alert" tabIndex={-1}>
          <ul className="uploads">
            {failed.map((upload) => (
              <UploadRow key={upload.id} upload={upload} isAtButton />
            ))}
          </ul>
        </div>
      )}
      <Sending uploads={uploads.filter(isOpen)} />
      <Arrived uploads={uploads.filter(({ state }) => state === 'done')} />
    </>
  )
}

/** Leads a person who is still at this document to a file that failed now. Somebody who went on elsewhere is not called back. */
function useFocusOnFailure(failed: readonly Upload[]): RefObject<HTMLDivElement | null> {
  const problem = useRef<HTMLDivElement>(null)
  const known = useRef(new Set(failed.map(({ id }) => id)))
  useEffect(() => {
    const isNew = failed.some(({ id }) => !known.current.has(id))
    known.current = new Set(failed.map(({ id }) => id))
    const place = problem.current?.parentElement
    if (isNew && place?.contains(document.activeElement) === true) problem.current?.focus()
  }, [failed])
  return problem
}

function Sending({ uploads: [first, ...others] }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  if (first === undefined) return null
  return (
    <p className="hint" data-given>
      {others.length === 0 ? texts.beingSent(first.fileName) : texts.manyBeingSent(others.length + 1)}
    </p>
  )
}

/** More names than these say less than their number. */
const maxNames = 3

function Arrived({ uploads }: { uploads: readonly Upload[] }) {
  const { upload: texts } = useTexts()
  if (uploads.length === 0) return null
  const lines = uploads.length > maxNames ? [texts.manyArrived(uploads.length)] : []
  return (
    <div className="arrived">
      {lines.map((line) => (
        <p key={line}>
          <Sign />
          {line}
        </p>
      ))}
      {uploads.map((upload) => (
        <div key={upload.id}>
          {lines.length > 0 ? null : (
            <p data-given>
              <Sign />
              {texts.arrived(upload.fileName)}
            </p>
          )}
          {upload.duplicateOf === undefined ? null : <Duplicate upload={upload} documentId={upload.duplicateOf} />}
        </div>
      ))}
    </div>
  )
}

/** Besides the colour. */
function Sign() {
  return <span aria-hidden="true">✓ </span>
}

/** The other document that has the same file, with a link. */
function Duplicate({ upload: { fileName, target }, documentId }: { upload: Upload; documentId: string }) {
  const { upload: texts } = useTexts()
  const { firmId } = target
  const isSameDocument = documentId === target.documentId
  const other = useQuery({ ...documentQuery({ firmId, documentId }), enabled: !isSameDocument }).data?.data
  const typeName = useTypeName(other?.document_type ?? '')
  const formats = useFormats()
  if (isSameDocument) return <p className="duplicate">{texts.duplicateVersion}</p>
  return (
    <p className="duplicate">
      <span data-given>
        {other === undefined
          ? texts.duplicate(fileName)
          : texts.duplicateSince(fileName, formats.date(other.uploaded_at))}
      </span>{' '}
      <Link to={`/firms/${firmId}/documents/${documentId}`}>
        {other === undefined ? texts.openOther : <Given>{other.file_name}</Given>}
      </Link>
      {other === undefined ? null : <Given> ({typeName})</Given>}
    </p>
  )
}
