import { Button } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'

import { api } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { applicationQuery, type Checklist, type DocumentType, type Firm, refreshFirm } from '../api/queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useKeptFocus } from '../parts/kept-focus.ts'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { findNextStep } from './find-next-step.ts'
import { UploadNext } from './upload-next.tsx'
import { useUploads } from '../uploads/upload-state.ts'

type Props = { firm: Firm; checklist: Checklist; types: DocumentType[]; inReview: ReadonlySet<string> }

/** The box above the checklist: one thing to do, or that nothing is to be done. */
export function NextStep({ firm, checklist, types, inReview }: Props) {
  const place = useKeptFocus<HTMLDivElement>()
  const uploads = useUploads(firm.id).filter(({ target, state }) => target.isNextStep === true && state !== 'cancelled')
  const code = uploads.at(-1)?.target.documentType
  const step = findNextStep(checklist, inReview)
  const asked = step.kind === 'upload' ? step.item : undefined
  const item = checklist.items.find(({ document_type: each }) => each === code) ?? asked
  return (
    <div ref={place}>
      {item === undefined ? (
        <NothingToUpload firm={firm} kind={step.kind} />
      ) : (
        <UploadNext firm={firm} item={item} types={types} uploads={uploads} />
      )}
    </div>
  )
}

function NothingToUpload({ firm, kind }: { firm: Firm; kind: ReturnType<typeof findNextStep>['kind'] }) {
  const { checklist: texts } = useTexts()
  switch (kind) {
    case 'upload':
      return null
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
      <h2 tabIndex={-1}>{title}</h2>
      <p>{text}</p>
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
      <h2 tabIndex={-1}>{rejection === null ? texts.completeTitle : texts.rejectedTitle}</h2>
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
