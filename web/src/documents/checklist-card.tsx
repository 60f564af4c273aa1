import { Anchor } from '@mantine/core'
import { Link } from 'react-router'

import type { ChecklistItem, DocumentType, Firm } from '../api/queries.ts'
import { canUpload } from '../app/firm-frame.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { Rejection } from './rejection.tsx'
import { NewerVersionButton, UploadButtons } from '../uploads/upload-buttons.tsx'

type Props = { firm: Firm; item: ChecklistItem; type: DocumentType | undefined }

/** One document type of a firm: its state, what counts as proof, and what can be done. */
export function ChecklistCard({ firm, item, type }: Props) {
  const { checklist: texts } = useTexts()
  const isInForce = item.state === 'verified' || item.state === 'pending'
  const UploadWay = isInForce ? NewerVersionButton : UploadButtons
  return (
    <li className="card">
      <div className="card-head">
        <h3 className="card-title">
          <Given>{item.name}</Given>
        </h3>
        <StateBadge state={item.state} />
      </div>
      <Situation item={item} type={type} />
      {item.proof === null || isInForce ? null : (
        <div className="proof">
          <p className="proof-title">{texts.proofTitle}</p>
          {item.proof.split('\n').map((line) => (
            <p key={line}>
              <Given>{line}</Given>
            </p>
          ))}
        </div>
      )}
      {canUpload(firm) && type?.is_active === true ? (
        <UploadWay firmId={firm.id} type={type} documentId={item.document_id ?? undefined} />
      ) : null}
      {item.document_id === null ? null : (
        <Anchor
          component={Link}
          to={`/firms/${firm.id}/documents/${item.document_id}`}
          className="tap"
          aria-label={texts.openOf(item.name)}
        >
          {texts.open}
        </Anchor>
      )}
    </li>
  )
}

function Situation({ item, type }: Omit<Props, 'firm'>) {
  const { checklist: texts } = useTexts()
  const formats = useFormats()
  if (item.state === 'pending') return <p>{texts.pendingHelp}</p>
  if (item.state === 'rejected') return <RejectionOfItem item={item} type={type} />
  if (item.valid_until === null) return null
  if (item.state === 'expired') return <p>{texts.expiredSince(formats.date(item.valid_until))}</p>
  return (
    <p>
      {texts.validUntil(formats.date(item.valid_until))}
      {item.state === 'expiring' && item.days_left !== null ? ` · ${texts.daysLeft(item.days_left)}` : null}
    </p>
  )
}

/** Nothing for members who may not read documents of this type. */
export function RejectionOfItem({ item, type }: Omit<Props, 'firm'>) {
  return item.document_id === null ? null : <Rejection review={item} type={type} />
}
