import { type StoredDocument, useType } from '../api/queries.ts'
import { Proof } from '../documents/checklist-card.tsx'
import { ReviewBadge } from '../parts/state-badge.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'

/** What the document is said to be, and what counts as proof. */
export function DocumentFacts({ document }: { document: StoredDocument }) {
  const { documents: texts } = useTexts()
  const formats = useFormats()
  const type = useType(document.document_type)
  const proof = type?.proof ?? null
  return (
    <section className="box" aria-label={texts.details}>
      <div className="card-head">
        <h2>
          <Given>{document.file_name}</Given>
        </h2>
        <ReviewBadge document={document} />
      </div>
      <p className="card-line">
        {texts.version(document.version)} · {formats.bytes(document.file_size)} ·{' '}
        {formats.dateTime(document.uploaded_at)}
      </p>
      {proof === null ? null : <Proof text={proof} />}
    </section>
  )
}
