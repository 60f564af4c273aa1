import type { ReactNode } from 'react'
import { Link } from 'react-router'

import type { Texts } from '../../texts/en.ts'
import type { Formats } from '../../texts/formats.ts'
import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import { findBackup, type OperatorProblem, type PartName, partNames, type Status } from './problems.ts'

type OverviewTexts = Texts['operator']['overview']

/** The page of the runbook for a part without a problem. */
const pages: Record<PartName, string> = {
  database: 'database-down',
  s3: 's3-down',
  local: 'disk-not-answering',
  scanner: 'scanner-down',
  jobs: 'job-failed',
  mail: 'mail-waiting',
  webhooks: 'webhook-disabled',
  backup: 'backup-late',
}

/** The view of the administration with the details. */
const views: Partial<Record<PartName, string>> = { mail: '/admin/mails', webhooks: '/admin/webhooks' }

/** Each part of the service: its state, since when, and the page of the runbook. */
export function PartCards({ status, problems }: { status: Status; problems: OperatorProblem[] }) {
  const { overview: texts } = useTexts().operator
  return (
    <section>
      <h2>{texts.parts}</h2>
      <ul className="operator-grid">
        {partNames.map((name) => (
          <PartCard key={name} name={name} status={status} problems={problems.filter(({ part }) => part === name)} />
        ))}
      </ul>
    </section>
  )
}

type CardProps = { name: PartName; status: Status; problems: OperatorProblem[] }

function PartCard({ name, status, problems }: CardProps) {
  const { overview: texts, problems: problemTexts } = useTexts().operator
  const formats = useFormats()
  const { message, since } = factsOf(name, status, texts, formats)
  const view = views[name]
  const runbooks = new Set(problems.map(({ kind }) => problemTexts[kind].page))
  if (runbooks.size === 0) runbooks.add(pages[name])
  return (
    <li className="card">
      <div className="card-head">
        <h3 className="card-title">{texts.partNames[name]}</h3>
        <PartBadge name={name} status={status} problems={problems} />
      </div>
      <p>{message}</p>
      {since === null ? null : <p className="card-line">{texts.unchanged(formats.dateTime(since))}</p>}
      {name === 's3' ? <Breaker status={status} /> : null}
      {name === 'scanner' && status.scanner?.name != null ? (
        <p className="card-line">
          <Given>{`${status.scanner.name} / ${status.scanner.signatures}`}</Given>
        </p>
      ) : null}
      {view === undefined ? null : (
        <Link to={view} className="tap">
          {texts.toView[name === 'mail' ? 'mail' : 'webhooks']}
        </Link>
      )}
      {[...runbooks].map((page) => (
        <p key={page} className="card-line">
          {texts.runbook} <code data-given>{`docs/runbook/${page}.md`}</code>
        </p>
      ))}
    </li>
  )
}

/** As in the list of problems: what a card calls good is in no problem. */
function PartBadge({ name, status, problems }: CardProps) {
  const { overview: texts } = useTexts().operator
  const isUnused = name === 's3' && status.checks.s3.state === 'not_used'
  const [tone, sign, label] = problems.some(({ isUrgent = false }) => isUrgent)
    ? ['bad', '✕', texts.partStates.failed]
    : problems.some(({ isSetUp = false }) => isSetUp)
      ? ['warn', '!', texts.partStates.notSetUp]
      : problems.length > 0
        ? ['warn', '!', texts.partStates.attention]
        : isUnused
          ? ['plain', '○', texts.partStates.notUsed]
          : ['good', '✓', texts.partStates.ok]
  return (
    <span className={`badge badge-${tone}`}>
      <span aria-hidden="true">{sign} </span>
      {label}
    </span>
  )
}

type Facts = { message: ReactNode; since: string | null }

function factsOf(name: PartName, status: Status, texts: OverviewTexts, formats: Formats): Facts {
  if (name === 'mail') return factsOfMail(status, texts)
  if (name === 'webhooks') {
    const { waiting, disabled } = status.webhooks
    return { message: texts.webhooksAre(waiting.count, disabled), since: null }
  }
  if (name === 'backup') {
    const ended = findBackup(status.jobs)?.last_ended_at ?? null
    return { message: ended === null ? texts.noBackup : texts.lastBackup(formats.dateTime(ended)), since: null }
  }
  const { message, since } = status.checks[name]
  return { message: <Given>{message}</Given>, since }
}

function factsOfMail({ mail, started_at: startedAt }: Status, texts: OverviewTexts): Facts {
  if (!mail.is_on) return { message: texts.mailIsOff, since: startedAt }
  return { message: texts.mailIsOn(mail.waiting.count, mail.failed), since: null }
}

/** The circuit breaker, which spares uploads the wait for S3 while it is open, and the files that wait for S3. */
function Breaker({ status: { stores } }: { status: Status }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  if (stores.s3 === null) return null
  const { is_used: isClosed, left_alone_since: since, s3_code: code } = stores.s3
  const { count, oldest_seconds: oldest } = stores.waiting_for_s3
  return (
    <>
      <p className="card-line">
        {isClosed || since === null ? texts.breakerClosed : texts.breakerOpen(formats.dateTime(since))}
        {code === null ? null : (
          <>
            {' '}
            <Given>{code}</Given>
          </>
        )}
      </p>
      <p className="card-line">{count === 0 ? texts.noBacklog : texts.backlog(count, formats.duration(oldest))}</p>
    </>
  )
}
