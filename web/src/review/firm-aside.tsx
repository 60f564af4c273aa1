import { Anchor } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { type Firm, firmQuery, type StoredDocument, typesQuery, findType } from '../api/queries.ts'
import { listQuery } from '../documents/document-queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { ReviewBadge } from '../parts/state-badge.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'

/** The firm of a document: what it says about itself, to compare, and its other documents. */
export function FirmAside({ document }: { document: StoredDocument }) {
  const { review: texts } = useTexts()
  const { firm_id: firmId } = document
  const firm = useQuery(firmQuery(firmId))
  if (firm.error !== null) return <ProblemBox error={firm.error} retry={() => void firm.refetch()} />
  return (
    <aside className="desk-firm" aria-label={texts.firm}>
      {firm.data === undefined ? null : <FirmFacts firm={firm.data} />}
      <OtherDocuments document={document} />
    </aside>
  )
}

export function FirmFacts({ firm }: { firm: Firm }) {
  const { review: texts, registerFirm, firmStates } = useTexts()
  const facts: [string, string | null][] = [
    [registerFirm.number, firm.registration_number],
    [registerFirm.vat, firm.vat_number],
    [registerFirm.address, [firm.address, firm.province, firm.country].join(', ')],
    [registerFirm.email, firm.email],
    [registerFirm.phone, firm.phone],
    [texts.firmState, firmStates[firm.verification_status] ?? firm.verification_status],
  ]
  return (
    <section className="box">
      <h2>
        <Given>{firm.name}</Given>
      </h2>
      <dl className="firm-facts">
        {facts.map(([name, value]) =>
          value === null || value === '' ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{name === texts.firmState ? value : <Given>{value}</Given>}</dd>
            </div>
          ),
        )}
      </dl>
      <Anchor component={Link} to={`/firms/${firm.id}/documents`} className="tap">
        {texts.allOfFirm}
      </Anchor>
    </section>
  )
}

function OtherDocuments({ document }: { document: StoredDocument }) {
  const { review: texts } = useTexts()
  const formats = useFormats()
  const types = useQuery(typesQuery)
  const list = useInfiniteQuery(listQuery(document.firm_id, { documentType: '', withDeleted: false }))
  const others = list.data?.pages[0]?.items.filter(({ id }) => id !== document.id).slice(0, 12)
  return (
    <section className="box">
      <h2>{texts.others}</h2>
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {others?.length === 0 ? <p className="hint">{texts.noOthers}</p> : null}
      <ul className="others">
        {others?.map((other) => (
          <li key={other.id}>
            <Link to={`/firms/${other.firm_id}/documents/${other.id}`} className="tap">
              <Given>{findType(types.data, other.document_type)?.name ?? other.document_type}</Given>
            </Link>
            <ReviewBadge document={other} />
            <span className="hint">
              <Given>{other.file_name}</Given> · {formats.date(other.uploaded_at)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
