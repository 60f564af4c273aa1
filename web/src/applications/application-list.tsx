import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router'

import { PageFrame } from '../app/page-frame.tsx'
import { Choice } from '../parts/choice.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'
import { type Application, type ApplicationStatus, applicationsQuery } from './application-queries.ts'
import { ReviewBar } from '../review/review-bar.tsx'
import { MoreButton } from '../parts/more-button.tsx'

const states: ApplicationStatus[] = ['submitted', 'under_review', 'approved', 'rejected']

/** The applications of firms, newest first. The filter is in the address; without one those that wait are shown. */
export function ApplicationList() {
  const { applications: texts, firmStates } = useTexts()
  const [parameters, setParameters] = useSearchParams()
  const status = statusOf(parameters.get('status'))
  const list = useInfiniteQuery(applicationsQuery(status))
  const items = list.data?.pages.flatMap((page) => page.items)
  return (
    <PageFrame title={texts.title} above={<ReviewBar />}>
      <div className="filters">
        <Choice
          label={texts.state}
          value={status === '' ? 'all' : status}
          onChange={(value) => setParameters({ status: value }, { replace: true })}
          choices={[
            ...states.map((each) => ({ value: each, label: firmStates[each] ?? each })),
            { value: 'all', label: texts.all },
          ]}
        />
      </div>
      {list.error === null ? null : <ProblemBox error={list.error} retry={() => void list.refetch()} />}
      {items?.length === 0 ? <p className="box">{status === 'submitted' ? texts.noneWaiting : texts.none}</p> : null}
      <ul className="cards">
        {items?.map((application) => (
          <Row key={application.id} application={application} />
        ))}
      </ul>
      <MoreButton list={list} />
    </PageFrame>
  )
}

/** Empty: every status. */
function statusOf(asked: string | null): ApplicationStatus | '' {
  return asked === 'all' ? '' : (states.find((each) => each === asked) ?? 'submitted')
}

function Row({ application }: { application: Application }) {
  const { applications: texts } = useTexts()
  const formats = useFormats()
  const { firm_id: firmId, firm_name: name, submitted_at: submitted } = application
  return (
    <li className="card">
      <div className="card-head">
        <Link to={`/review/applications/${firmId}`} className="card-title tap">
          <Given>{name}</Given>
        </Link>
        <ApplicationBadge application={application} />
      </div>
      {submitted === null ? null : <p className="card-line">{texts.submittedOn(formats.dateTime(submitted))}</p>}
    </li>
  )
}

const tones: Record<ApplicationStatus, string> = {
  draft: 'plain',
  submitted: 'wait',
  under_review: 'wait',
  approved: 'good',
  rejected: 'bad',
}

export function ApplicationBadge({ application: { status } }: { application: Application }) {
  const { firmStates } = useTexts()
  return <span className={`badge badge-${tones[status]}`}>{firmStates[status] ?? status}</span>
}
