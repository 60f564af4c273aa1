import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'

import { api } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import {
  applicationQuery,
  type Checklist,
  type ChecklistItem,
  type DocumentType,
  type Firm,
  refreshFirm,
} from '../api/queries.ts'
import { canUpload } from '../app/firm-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { RejectionOfItem } from './checklist-card.tsx'
import { findNextStep } from './steps.ts'
import { UploadButtons } from '../uploads/upload-buttons.tsx'

type Props = { firm: Firm; checklist: Checklist; types: DocumentType[] }

/** The box above the checklist: one thing to do, or that nothing is to be done. */
export function NextStep({ firm, checklist, types }: Props) {
  const { checklist: texts } = useTexts()
  const step = findNextStep(checklist)
  switch (step.kind) {
    case 'upload':
      return <UploadNext firm={firm} item={step.item} types={types} />
    case 'wait':
      return <NextBox tone="wait" title={texts.waitingTitle} text={texts.waiting} />
    case 'submit':
      return <SubmitNext firm={firm} />
    case 'none':
      return <Submitted firm={firm} />
  }
}

function NextBox({ tone, title, text }: { tone: string; title: string; text: string }) {
  return (
    <section className={`box box-${tone}`}>
      <h2>{title}</h2>
      <p>{text}</p>
    </section>
  )
}

function UploadNext({ firm, item, types }: { firm: Firm; item: ChecklistItem; types: DocumentType[] }) {
  const { checklist: texts } = useTexts()
  const sentences: Partial<Record<ChecklistItem['state'], string>> = {
    missing: texts.nextMissing,
    rejected: texts.nextRejected,
    expired: texts.nextExpired,
    expiring: texts.nextExpiring,
  }
  const type = types.find(({ code }) => code === item.document_type)
  return (
    <section className="box box-next">
      <h2>{texts.nextTitle}</h2>
      <p>
        {sentences[item.state]}{' '}
        <strong>
          <Given>{item.name}</Given>
        </strong>
      </p>
      {item.state === 'rejected' ? <RejectionOfItem item={item} type={type} /> : null}
      {canUpload(firm) && type !== undefined ? (
        <UploadButtons
          key={item.document_type}
          firmId={firm.id}
          type={type}
          documentId={item.document_id ?? undefined}
          isFirst
        />
      ) : null}
    </section>
  )
}

function SubmitNext({ firm }: { firm: Firm }) {
  const { checklist: texts } = useTexts()
  const application = useQuery({ ...applicationQuery(firm.id), enabled: firm.verification_status === 'rejected' })
  const submission = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/api/v1/security-firms/{firm_id}/submit-application', { params: { path: { firm_id: firm.id } } }),
      ),
    onSuccess: () => refreshFirm(firm.id),
  })
  const rejection = application.data?.status === 'rejected' ? application.data.rejection_reason : null
  const isAdmin = firm.role === 'firm_admin'
  return (
    <section className="box box-next">
      <h2>{rejection === null ? texts.completeTitle : texts.rejectedTitle}</h2>
      {rejection === null ? (
        <p>{isAdmin ? texts.complete : texts.completeMember}</p>
      ) : (
        <>
          <p>
            <Given>{rejection}</Given>
          </p>
          <p>{texts.rejectedHelp}</p>
        </>
      )}
      {submission.error === null ? null : <ProblemBox error={submission.error} />}
      {isAdmin ? (
        <Button size="md" loading={submission.isPending} onClick={() => submission.mutate()}>
          {texts.submit}
        </Button>
      ) : null}
    </section>
  )
}

function Submitted({ firm }: { firm: Firm }) {
  const { checklist: texts } = useTexts()
  const formats = useFormats()
  const isDecided = firm.verification_status === 'approved'
  const application = useQuery({ ...applicationQuery(firm.id), enabled: !isDecided })
  if (isDecided) return <NextBox tone="good" title={texts.approvedTitle} text={texts.approved} />
  const submittedAt = application.data?.submitted_at
  if (submittedAt === undefined || submittedAt === null) return null
  return <NextBox tone="wait" title={texts.submittedTitle} text={texts.submitted(formats.date(submittedAt))} />
}
