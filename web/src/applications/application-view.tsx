import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'

import { applicationQuery, firmQuery } from '../api/queries.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { ApplicationChecklist } from './application-checklist.tsx'
import { ApplicationDecision } from './application-decision.tsx'
import { ApplicationBadge } from './application-list.tsx'
import { type Application, isOpen } from './application-queries.ts'
import { FirmFacts } from '../review/firm-aside.tsx'
import { ReviewBar } from '../review/review-bar.tsx'

/** The application of one firm: the decision, what the firm says about itself, and its checklist. */
export function ApplicationView() {
  const { firmId = '' } = useParams()
  const { applications: texts, everyView } = useTexts()
  const firm = useQuery(firmQuery(firmId))
  const application = useQuery(applicationQuery(firmId))
  const error = firm.error ?? application.error
  return (
    <PageFrame title={firm.data?.name ?? texts.one} isGivenTitle={firm.data !== undefined} above={<ReviewBar />}>
      <Anchor component={Link} to="/review/applications" className="tap">
        {everyView.backTo(texts.title)}
      </Anchor>
      {error === null ? null : <ProblemBox error={error} retry={() => void application.refetch()} />}
      {application.data === null ? <p className="box">{texts.notSubmitted}</p> : null}
      <div className="application">
        {application.data === null || application.data === undefined ? null : (
          <Decision application={application.data} />
        )}
        <ApplicationChecklist firmId={firmId} />
        {firm.data === undefined ? null : <FirmFacts firm={firm.data} />}
      </div>
    </PageFrame>
  )
}

function Decision({ application }: { application: Application }) {
  const { applications: texts } = useTexts()
  const formats = useFormats()
  const { submitted_at: submitted, reviewed_at: reviewed, rejection_reason: reason, notes } = application
  return (
    <section className="box decision" aria-label={texts.one}>
      <div className="card-head">
        <h2>{texts.one}</h2>
        <ApplicationBadge application={application} />
      </div>
      {submitted === null ? null : <p>{texts.submittedOn(formats.dateTime(submitted))}</p>}
      {reviewed === null ? null : <p>{texts.decidedOn(formats.dateTime(reviewed))}</p>}
      <Words title={texts.reason} text={reason} />
      <Words title={texts.notes} text={notes ?? null} />
      {isOpen(application) ? <ApplicationDecision application={application} /> : null}
    </section>
  )
}

function Words({ title, text }: { title: string; text: string | null }) {
  if (text === null) return null
  return (
    <div className="proof">
      <p className="proof-title">{title}</p>
      <p>
        <Given>{text}</Given>
      </p>
    </div>
  )
}
