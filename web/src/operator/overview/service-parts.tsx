import type { ReactNode } from 'react'

import { Given, useFormats, useTexts } from '../../texts/texts.tsx'
import type { Status } from './problems.ts'

const names = ['database', 's3', 'local', 'scanner', 'jobs'] as const
type Check = Status['checks']['s3']

const tones: Record<Check['state'], { tone: string; sign: string }> = {
  ok: { tone: 'good', sign: '✓' },
  failed: { tone: 'bad', sign: '✕' },
  not_used: { tone: 'plain', sign: '○' },
}

/** The state of each part with its reason, what waits, and what was done last. */
export function Parts({ status }: { status: Status }) {
  const { overview: texts } = useTexts().operator
  return (
    <>
      <section>
        <h2>{texts.parts}</h2>
        <ul className="operator-grid">
          {names.map((name) => (
            <Part key={name} name={name} status={status} />
          ))}
        </ul>
      </section>
      <Waiting status={status} />
      <Facts status={status} />
    </>
  )
}

function Part({ name, status }: { name: (typeof names)[number]; status: Status }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  const { state, message, since } = status.checks[name]
  const { tone, sign } = tones[state]
  return (
    <li className="card">
      <div className="card-head">
        <h3 className="card-title">{texts.partNames[name]}</h3>
        <span className={`badge badge-${tone}`}>
          <span aria-hidden="true">{sign} </span>
          {texts.partStates[state]}
        </span>
      </div>
      <p>
        <Given>{message}</Given>
      </p>
      {state === 'not_used' ? null : <p className="card-line">{texts.unchanged(formats.dateTime(since))}</p>}
      {name === 's3' ? <Breaker status={status} /> : null}
      {name === 'scanner' && status.scanner?.name != null ? (
        <p className="card-line">
          <Given>{`${status.scanner.name} / ${status.scanner.signatures}`}</Given>
        </p>
      ) : null}
    </li>
  )
}

/** The circuit breaker: while it is open, uploads do not wait for S3. */
function Breaker({ status: { stores } }: { status: Status }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  if (stores.s3 === null) return null
  const { is_used: isClosed, left_alone_since: since, s3_code: code } = stores.s3
  return (
    <p className="card-line">
      {isClosed || since === null ? texts.breakerClosed : texts.breakerOpen(formats.dateTime(since))}
      {code === null ? null : (
        <>
          {' '}
          <Given>{code}</Given>
        </>
      )}
    </p>
  )
}

function Waiting({ status }: { status: Status }) {
  const { overview: texts } = useTexts().operator
  const { stores, scans, mail, webhooks, database, trash } = status
  const rows = [
    ['fallback', stores.waiting_for_s3],
    ['scans', scans.waiting],
    ['uploads', stores.open_uploads],
    ['resumable', stores.resumable_uploads],
    ['moves', stores.open_moves],
    ['removals', stores.removals_due],
    ['mail', mail.waiting],
    ['webhooks', webhooks.waiting],
    ['platformRows', database.platform_rows_waiting],
    ['trash', trash.documents],
  ] as const
  return (
    <section>
      <h2>{texts.waiting}</h2>
      <div className="operator-table operator-waiting">
        <table>
          <thead>
            <tr>
              <th scope="col">{texts.what}</th>
              <th scope="col" className="number">
                {texts.number}
              </th>
              <th scope="col" className="number">
                {texts.oldest}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([name, { count, oldest_seconds: seconds }]) => (
              <tr key={name} className={count === 0 ? 'quiet' : undefined}>
                <th scope="row">{texts.waitingNames[name]}</th>
                <td className="number">{count}</td>
                <td className="number">
                  <Oldest count={count} seconds={seconds} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Oldest({ count, seconds }: { count: number; seconds: number }) {
  const formats = useFormats()
  return count === 0 ? '–' : formats.duration(seconds)
}

function Facts({ status }: { status: Status }) {
  const { overview: texts } = useTexts().operator
  const formats = useFormats()
  const { stores, scans, trash, audit, verification, database, mail } = status
  const seal = audit.last_seal
  const facts: [string, ReactNode][] = [
    [texts.target, texts.targets[stores.new_files_go_to]],
    [texts.infected, scans.infected],
    [texts.quarantined, stores.quarantined_files],
    [texts.reserved, formats.bytes(stores.resumable_uploads.reserved_bytes)],
    [texts.holds, texts.holdsOn(trash.holds_on_firms, trash.holds_on_documents)],
    [texts.mail, mail.is_on ? texts.on : texts.off],
    [texts.seal, seal === null ? texts.never : formats.dateTime(seal.sealed_at)],
    [
      texts.verification,
      verification === null
        ? texts.never
        : texts.verified(formats.dateTime(verification.finished_at), verification.files),
    ],
    [texts.migrated, formats.dateTime(database.migrated_at)],
  ]
  return (
    <section>
      <h2>{texts.facts}</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name} className="operator-fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
