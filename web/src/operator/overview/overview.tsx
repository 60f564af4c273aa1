import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { maxCounted, waitingQuery } from '../../applications/application-queries.ts'
import { Loading } from '../../app/page-frame.tsx'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { summaryQuery } from '../../review/review-queries.ts'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { JobName, Jobs } from './jobs.tsx'
import { OperatorFrame } from '../operator-frame.tsx'
import { statusQuery } from '../../api/queries.ts'
import { Figures } from './figures.tsx'
import { PartCards } from './part-cards.tsx'
import { findProblems, type OperatorProblem, type Status } from './problems.ts'

/** What needs somebody first, then the state of every part, what waits, and the jobs. */
export function Overview() {
  const { operator: texts } = useTexts()
  const status = useQuery(statusQuery)
  if (status.data === undefined && status.error === null) return <Loading />
  return (
    <OperatorFrame title={texts.overview.title}>
      {status.error === null ? null : (
        <ProblemBox error={status.error} retry={() => void status.refetch()}>
          <p>{texts.overview.unreadable}</p>
        </ProblemBox>
      )}
      {status.data === undefined ? null : <State status={status.data} />}
    </OperatorFrame>
  )
}

function State({ status }: { status: Status }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  const problems = findProblems(status)
  return (
    <>
      <Summary status={status} problems={problems} />
      <Decisions />
      {problems.length === 0 ? null : (
        <section>
          <h2>{texts.attention}</h2>
          <ul className="cards">
            {problems.map((problem) => (
              <ProblemCard key={`${problem.kind} ${problem.subject}`} problem={problem} />
            ))}
          </ul>
        </section>
      )}
      <PartCards status={status} problems={problems} />
      <Figures status={status} />
      <Jobs jobs={status.jobs} />
      <p className="hint">
        {texts.asOf(formats.dateTime(status.looked_at))} <Given>{`${status.instance} · ${status.version}`}</Given>
      </p>
    </>
  )
}

function Summary({ status: { status }, problems }: { status: Status; problems: OperatorProblem[] }) {
  const { overview: texts } = useTexts().operator
  const isDown = status === 'unavailable' || status === 'stopping'
  const isGood = problems.length === 0 && status === 'ready'
  return (
    <div className={`box box-${isDown ? 'bad' : isGood ? 'good' : 'warn'}`} role="status">
      <p className="operator-summary">
        <span aria-hidden="true">{isGood ? '✓ ' : '! '}</span>
        {texts.states[status]}
      </p>
      <p>{problems.length === 0 ? texts.nothingToDo : texts.toDo(problems.length)}</p>
    </div>
  )
}

/** What waits for a decision of a person, with the way to it. */
function Decisions() {
  const { overview: texts } = useTexts().operator
  const { data: documents } = useQuery(summaryQuery)
  const { data: applications = 0 } = useQuery(waitingQuery)
  const waiting = documents?.waiting ?? 0
  if (waiting + applications === 0) return null
  return (
    <p className="box box-wait">
      <span>
        {texts.decisions} {waiting === 0 ? null : <Link to="/review">{texts.documentsWait(waiting)}</Link>}
        {waiting === 0 || applications === 0 ? null : ' · '}
        {applications === 0 ? null : (
          <Link to="/review/applications">
            {applications > maxCounted ? texts.manyApplicationsWait(maxCounted) : texts.applicationsWait(applications)}
          </Link>
        )}
      </span>
    </p>
  )
}

function ProblemCard({ problem }: { problem: OperatorProblem }) {
  const { overview: texts, problems } = useTexts().operator
  const { title, action, page } = problems[problem.kind]
  const { subject, count, reason, isUrgent = false, isSetUp = false } = problem
  return (
    <li className={`card operator-problem ${isUrgent ? 'operator-urgent' : ''}`}>
      <div className="card-head">
        <h3 className="card-title">
          {title}
          {subject === undefined ? null : (
            <>
              {' '}
              <JobName name={subject} />
            </>
          )}
        </h3>
        <span className={`badge badge-${isUrgent ? 'bad' : 'warn'}`}>
          {isUrgent ? texts.urgent : isSetUp ? texts.setUp : texts.soon}
        </span>
      </div>
      {reason === undefined ? null : (
        <p>
          <Given>{reason}</Given>
        </p>
      )}
      <p className="card-line">
        {count === undefined ? null : `${texts.count(count)} `}
        <Since problem={problem} />
      </p>
      <p>
        <strong>{texts.whatToDo}</strong> {action}
      </p>
      <p className="card-line">
        {texts.runbook} <code data-given>{`docs/runbook/${page}.md`}</code>
      </p>
    </li>
  )
}

function Since({ problem: { since, sinceSeconds } }: { problem: OperatorProblem }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  if (sinceSeconds !== undefined) return texts.for(formats.duration(sinceSeconds))
  return since === undefined || since === null ? null : texts.since(formats.dateTime(since))
}
