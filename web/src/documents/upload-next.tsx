import { Button } from '@mantine/core'

import { type ChecklistItem, type DocumentType, findType, type Firm } from '../api/queries.ts'
import { canUpload } from '../app/firm-frame.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { isOpen, type Upload } from '../uploads/upload-record.ts'
import { UploadButtons } from '../uploads/upload-buttons.tsx'
import { UploadStatus } from '../uploads/list/upload-status.tsx'
import { hideUploads } from '../uploads/manage-uploads.ts'
import { RejectionOfItem } from './checklist-card.tsx'

type Props = {
  firm: Firm
  item: ChecklistItem
  types: DocumentType[]
  /** What was chosen here. The box stays at their document until the person goes on: a second tap must not file another one. */
  uploads: readonly Upload[]
}

/** The next step is to upload this document; afterwards, that it arrived. */
export function UploadNext({ firm, item, types, uploads }: Props) {
  const { checklist: texts } = useTexts()
  const type = findType(types, item.document_type)
  const here = uploads.filter(({ target }) => target.documentType === item.document_type)
  const { isAsked, hasArrived } = stageOf(here)
  return (
    <section className="box box-next">
      <h2 tabIndex={-1}>{texts.nextTitle}</h2>
      <p>
        {isAsked && !hasArrived ? <Request state={item.state} /> : null}
        <strong>
          <Given>{item.name}</Given>
        </strong>
      </p>
      {isAsked && item.state === 'rejected' ? <RejectionOfItem item={item} type={type} /> : null}
      <UploadStatus uploads={here} />
      {hasArrived ? <GoOn uploads={uploads} /> : null}
      {isAsked && canUpload(firm) && type !== undefined ? (
        <UploadButtons
          key={item.document_type}
          firmId={firm.id}
          type={type}
          documentId={item.document_id ?? undefined}
          isNextStep
        />
      ) : null}
    </section>
  )
}

/** Whether a file is still asked for, and whether one arrived. Both: some of several files were rejected. */
function stageOf(here: readonly Upload[]): { isAsked: boolean; hasArrived: boolean } {
  if (here.some(isOpen)) return { isAsked: false, hasArrived: false }
  return {
    isAsked: here.length === 0 || here.some(({ state }) => state === 'failed'),
    hasArrived: here.some(({ state }) => state === 'done'),
  }
}

function Request({ state }: Pick<ChecklistItem, 'state'>) {
  const { checklist: texts } = useTexts()
  const sentences: Partial<Record<ChecklistItem['state'], string>> = {
    missing: texts.nextMissing,
    rejected: texts.nextRejected,
    expired: texts.nextExpired,
    expiring: texts.nextExpiring,
  }
  return <>{sentences[state]} </>
}

function GoOn({ uploads }: Pick<Props, 'uploads'>) {
  const { checklist: texts } = useTexts()
  return (
    <>
      <p>{texts.pendingHelp}</p>
      <Button size="md" variant="default" onClick={() => hideUploads(uploads.map(({ id }) => id))}>
        {texts.goOn}
      </Button>
    </>
  )
}
