import type { ReactNode } from 'react'

import { useFormats, useTexts } from '../../texts/texts.tsx'
import type { Status } from './problems.ts'

/** What waits, and what was done last. */
export function Figures({ status }: { status: Status }) {
  return (
    <>
      <Waiting status={status} />
      <Facts status={status} />
    </>
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
  const { stores, scans, trash, audit, verification, database } = status
  const seal = audit.last_seal
  const facts: [string, ReactNode][] = [
    [texts.target, texts.targets[stores.new_files_go_to]],
    [texts.infected, scans.infected],
    [texts.quarantined, stores.quarantined_files],
    [texts.reserved, formats.bytes(stores.resumable_uploads.reserved_bytes)],
    [texts.holds, texts.holdsOn(trash.holds_on_firms, trash.holds_on_documents)],
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
