import { useQuery } from '@tanstack/react-query'
import { NavLink } from 'react-router'

import { selfQuery } from '../api/queries.ts'
import { maxCounted, waitingQuery } from '../applications/application-queries.ts'
import { useTexts } from '../texts/texts.tsx'
import { Help } from './help.tsx'
import { summaryQuery } from './review-queries.ts'
import './review.css'

/** The sections of reviewers above each of their views. */
export function ReviewBar() {
  const { review: texts } = useTexts()
  const { data: self } = useQuery(selfQuery)
  const { data: summary } = useQuery(summaryQuery)
  return (
    <section className="review-bar" aria-label={texts.title}>
      <nav aria-label={texts.sections} className="sections">
        <NavLink to="/review" end>
          {texts.queue}
          {summary === undefined ? null : <span className="count"> {texts.count(summary.waiting)}</span>}
        </NavLink>
        {self?.is_administrator === true ? <ApplicationsLink /> : null}
      </nav>
      <Help />
    </section>
  )
}

function ApplicationsLink() {
  const { review: texts } = useTexts()
  const { data: waiting = 0 } = useQuery(waitingQuery)
  return (
    <NavLink to="/review/applications">
      {texts.applications}
      {waiting === 0 ? null : (
        <span className="count"> {waiting > maxCounted ? texts.countMore(maxCounted) : texts.count(waiting)}</span>
      )}
    </NavLink>
  )
}
