import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { NavLink, Outlet, useOutletContext, useParams } from 'react-router'

import { type Firm, firmQuery } from '../api/queries.ts'
import { onFirmUpload } from '../uploads/upload-state.ts'
import { refreshFirm } from '../api/queries.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { Loading, PageFrame } from './page-frame.tsx'

/** Everything below `/firms/{id}`: loads the firm once and shows its sections above each view. */
export function FirmFrame() {
  const { firmId = '' } = useParams()
  const firm = useQuery(firmQuery(firmId))
  useEffect(() => onFirmUpload(firmId, () => void refreshFirm(firmId)), [firmId])

  if (firm.data !== undefined) return <Outlet context={firm.data} />
  if (firm.error !== null)
    return (
      <PageFrame>
        <ProblemBox error={firm.error} retry={() => void firm.refetch()} />
      </PageFrame>
    )
  return <Loading />
}

export function useFirm(): Firm {
  return useOutletContext<Firm>()
}

/** Whether the caller may upload: members of a firm that is not locked. */
export function canUpload(firm: Firm): boolean {
  return !firm.is_locked && !isOfPlatform(firm)
}

/** Whether the caller sees the firm from outside: administrators and reviewers who are not its members. */
export function isOfPlatform({ role }: Firm): boolean {
  return role === 'administrator' || role === 'reviewer'
}

/** The name of the firm and its sections. */
export function FirmBar({ firm }: { firm: Firm }) {
  const { shell } = useTexts()
  return (
    <section className="firm-bar" aria-label={firm.name}>
      <p className="firm-name">
        <Given>{firm.name}</Given>
      </p>
      <nav aria-label={shell.sections} className="sections">
        <NavLink to={`/firms/${firm.id}/checklist`}>{shell.checklist}</NavLink>
        <NavLink to={`/firms/${firm.id}/documents`}>{shell.documents}</NavLink>
        {firm.role === 'reviewer' ? null : <NavLink to={`/firms/${firm.id}/members`}>{shell.members}</NavLink>}
      </nav>
      {firm.is_locked ? <p className="firm-locked">{shell.locked}</p> : null}
    </section>
  )
}
