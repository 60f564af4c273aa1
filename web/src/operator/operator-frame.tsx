import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef } from 'react'
import { NavLink, Outlet } from 'react-router'

import { selfQuery } from '../api/queries.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { useTexts } from '../texts/texts.tsx'
import './operator.css'

/** The API denies others; they read why instead of an error for each part of a view. */
export function RequireAdministrator() {
  const { operator: texts } = useTexts()
  const { data: self } = useQuery(selfQuery)
  if (self?.is_administrator === true) return <Outlet />
  return (
    <PageFrame title={texts.title} width="narrow">
      <p>{texts.onlyAdministrators}</p>
    </PageFrame>
  )
}

type Frame = { title: string; isGivenTitle?: boolean; children: ReactNode }

/** The sections of the administration, the title and the content of a view. */
export function OperatorFrame({ title, isGivenTitle = false, children }: Frame) {
  return (
    <PageFrame title={title} isGivenTitle={isGivenTitle} above={<Sections />}>
      {children}
    </PageFrame>
  )
}

/** On a phone they are one row that scrolls; the section of this view is in sight. */
function Sections() {
  const { operator: texts } = useTexts()
  const row = useRef<HTMLElement>(null)
  useEffect(() => {
    const current = row.current?.querySelector<HTMLElement>('[aria-current="page"]')
    if (row.current !== null && current != null)
      row.current.scrollLeft = current.offsetLeft - (row.current.clientWidth - current.clientWidth) / 2
  }, [])
  return (
    <section className="firm-bar" aria-label={texts.title}>
      <nav ref={row} aria-label={texts.sections} className="sections operator-sections">
        <NavLink to="/admin" end>
          {texts.overview.title}
        </NavLink>
        <NavLink to="/admin/history">{texts.history.title}</NavLink>
        <NavLink to="/admin/firms">{texts.firms.title}</NavLink>
        <NavLink to="/admin/people">{texts.people.title}</NavLink>
        <NavLink to="/admin/types">{texts.types.title}</NavLink>
        <NavLink to="/admin/keys">{texts.keys.title}</NavLink>
        <NavLink to="/admin/mails">{texts.mails.title}</NavLink>
        <NavLink to="/admin/webhooks">{texts.webhooks.title}</NavLink>
      </nav>
    </section>
  )
}
