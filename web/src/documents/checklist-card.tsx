import { Anchor } from '@mantine/core'
import { Link } from 'react-router'

import type { ChecklistItem, DocumentType, Firm, StoredDocument } from '../api/queries.ts'
import { canUpload, isOfPlatform } from '../app/firm-frame.tsx'
import { ItemBadge, useValidity } from '../parts/state-badge.tsx'
import { useKeptFocus } from '../parts/kept-focus.ts'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { cardId } from './checklist-summary.tsx'
import { newerThan } from './newer-documents.ts'
import { Rejection } from './rejection.tsx'
import { NewerVersionButton, UploadButtons } from '../uploads/upload-buttons.tsx'
import { useUploads } from '../uploads/upload-state.ts'
import { UploadStatus } from '../uploads/list/upload-status.tsx'

type Props = {
  firm: Firm
  item: ChecklistItem
  type: DocumentType | undefined
  /** The newest documents of this type. */
  documents: readonly StoredDocument[]
}

/** One document type of a firm: its state, what counts as proof, and what can be done. */
export function ChecklistCard({ firm, item, type, documents }: Props) {
  const place = useKeptFocus<HTMLLIElement>()
  const uploads = useUploads(firm.id).filter(
    ({ target }) => target.documentType === item.document_type && target.isNextStep !== true,
  )
  const newer = newerThan(item, documents)
  const isInForce = needsNothing(item, newer)
  const UploadWay = isInForce ? NewerVersionButton : UploadButtons
  return (
    <li ref={place} className="card" id={cardId(item)}>
      <div className="card-head">
        <h3 className="card-title" tabIndex={-1}>
          <Given>{item.name}</Given>
        </h3>
        <ItemBadge item={item} />
      </div>
      <Situation firm={firm} item={item} type={type} />
      {newer === undefined ? null : <Newer firm={firm} document={newer} />}
      {item.proof === null || isInForce ? null : <Proof text={item.proof} />}
      <UploadStatus uploads={uploads} />
      {canUpload(firm) && type?.is_active === true ? (
        <UploadWay firmId={firm.id} type={type} documentId={item.document_id ?? undefined} />
      ) : null}
      <Links firm={firm} item={item} count={documents.length} />
    </li>
  )
}

/** Whether nothing is asked for: a newer version is possible all the same. */
export function needsNothing({ state }: ChecklistItem, newer: StoredDocument | undefined): boolean {
  return state === 'verified' || state === 'pending' || newer?.review_status === 'pending'
}

/** What counts as proof, in the words of the type. */
export function Proof({ text }: { text: string }) {
  const { checklist: texts } = useTexts()
  return (
    <div className="proof">
      <p className="proof-title">{texts.proofTitle}</p>
      {text.split('\n').map((line) => (
        <p key={line}>
          <Given>{line}</Given>
        </p>
      ))}
    </div>
  )
}

function Links({ firm, item, count }: Pick<Props, 'firm' | 'item'> & { count: number }) {
  const { checklist: texts } = useTexts()
  if (item.document_id === null) return null
  const documents = `/firms/${firm.id}/documents`
  return (
    <span className="card-links">
      <Anchor
        component={Link}
        to={`${documents}/${item.document_id}`}
        className="tap"
        aria-label={texts.openOf(item.name)}
      >
        {texts.open}
      </Anchor>
      {count < 2 ? null : (
        <Anchor component={Link} to={`${documents}?type=${item.document_type}`} className="tap">
          {texts.allOfType(count)}
        </Anchor>
      )}
    </span>
  )
}

/** A document in review or a rejected one that is newer than the one that counts. */
function Newer({ firm, document }: { firm: Firm; document: StoredDocument }) {
  const { checklist: texts } = useTexts()
  const formats = useFormats()
  if (document.review_status === 'pending')
    return (
      <p className="box box-wait">
        {(isOfPlatform(firm) ? texts.ofFirm : texts).newerInReview(formats.date(document.uploaded_at))}
      </p>
    )
  return (
    <p className="box box-bad">
      <span>
        {texts.newerRejected} <Link to={`/firms/${document.firm_id}/documents/${document.id}`}>{texts.seeWhy}</Link>
      </span>
    </p>
  )
}

type Item = Pick<Props, 'item' | 'type'>

function Situation({ firm, item, type }: Item & Pick<Props, 'firm'>) {
  const { checklist: texts } = useTexts()
  const words = useValidity()({ state: item.state, day: item.valid_until, daysLeft: item.days_left })
  if (item.state === 'pending') return <p>{(isOfPlatform(firm) ? texts.ofFirm : texts).pendingHelp}</p>
  if (item.state === 'rejected') return <RejectionOfItem item={item} type={type} />
  return words === undefined ? null : <p>{words}</p>
}

/** Nothing for members who may not read documents of this type. */
export function RejectionOfItem({ item, type }: Item) {
  return item.document_id === null ? null : <Rejection review={item} type={type} />
}
