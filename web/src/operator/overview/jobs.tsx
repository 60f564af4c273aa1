import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import type { Formats } from '../../texts/formats.ts'
import type { JobState } from './problems.ts'
import { NamedCode } from '../named-code.tsx'

/** Every job with its last result and its next run; failed and late ones first. */
export function Jobs({ jobs }: { jobs: JobState[] }) {
  const { overview: texts } = useTexts().operator
  const sorted = jobs.toSorted((one, other) => Number(isBad(other)) - Number(isBad(one)))
  return (
    <section>
      <h2>{texts.jobs}</h2>
      <ul className="operator-list">
        {sorted.map((job) => (
          <Job key={`${job.name} ${job.disk}`} job={job} />
        ))}
      </ul>
    </section>
  )
}

/** A job in words, with the name that it has in the log and in commands. */
export function JobName({ name }: { name: string }) {
  const { jobNames } = useTexts().operator
  return <NamedCode names={jobNames} code={name} />
}

function isBad({ last_outcome: outcome, overdue_seconds: late, is_gone: isGone }: JobState): boolean {
  return !isGone && (outcome === 'failed' || late > 0)
}

function Job({ job }: { job: JobState }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  const { next_run_at: next, schedule, last_error: error, disk, last_ended_at: ended } = job
  const did = describeDid(job.last_did, formats)
  return (
    <li>
      <div className="card-head">
        <h3 className="operator-job">
          <JobName name={job.name} />
        </h3>
        <JobBadge job={job} />
      </div>
      <p>
        <Given>{job.does}</Given>
      </p>
      {error === null ? null : (
        <p className="operator-error">
          <Given>{error}</Given>
        </p>
      )}
      <p className="card-line">
        {ended === null ? null : texts.lastRun(formats.dateTime(ended))}
        {did === '' ? null : (
          <>
            {' · '}
            <Given>{did}</Given>
          </>
        )}
        {next === null ? null : `${ended === null ? '' : ' · '}${texts.nextRun(formats.dateTime(next))}`}
        {/* The next run says enough of a cron expression. */}
        {schedule === null || job.by === 'one_instance' ? null : (
          <>
            {' · '}
            <Given>{schedule}</Given>
          </>
        )}
        {disk === null ? null : (
          <>
            {' · '}
            {texts.disk} <Given>{disk.slice(0, 8)}</Given>
          </>
        )}
      </p>
    </li>
  )
}

function JobBadge({ job }: { job: JobState }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  const { last_outcome: outcome, overdue_seconds: late, running_since: running, is_gone: isGone } = job
  if (isGone) return <span className="badge badge-plain">{texts.gone}</span>
  if (outcome === 'failed') return <span className="badge badge-bad">{texts.outcomes.failed}</span>
  if (late > 0) return <span className="badge badge-bad">{texts.late(formats.duration(late))}</span>
  if (running !== null) return <span className="badge badge-wait">{texts.running}</span>
  if (outcome === null) return <span className="badge badge-plain">{texts.neverRan}</span>
  return <span className={`badge badge-${outcome === 'ok' ? 'good' : 'warn'}`}>{texts.outcomes[outcome]}</span>
}

/** Counts above zero, as the job names them. */
function describeDid(did: Record<string, unknown>, formats: Formats): string {
  return Object.entries(did)
    .flatMap(([name, value]) => (typeof value === 'number' && value > 0 ? [{ name, value }] : []))
    .map(({ name, value }) =>
      name === 'bytes' ? formats.bytes(value) : `${name.replaceAll('_', ' ')} ${formats.number(value)}`,
    )
    .join(', ')
}
