import { useQuery } from '@tanstack/react-query'
import { Navigate, useLocation } from 'react-router'

import { firmsQuery, selfQuery } from '../api/queries.ts'
import { useSessionStatus } from '../api/session.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Loading, PageFrame } from './page-frame.tsx'
import { SignedIn } from './signed-in.tsx'

/** `/`: leads each person to where their work is. */
export function Start() {
  const status = useSessionStatus()
  const { hash } = useLocation()
  // A failed sign-in with the provider comes back here.
  if (status === 'signed_out' || hash.startsWith('#sign_in_error=')) return <Navigate to={`/sign-in${hash}`} replace />
  return (
    <SignedIn>
      <FirstView />
    </SignedIn>
  )
}

function FirstView() {
  const self = useQuery(selfQuery)
  const firms = useQuery(firmsQuery)
  const error = self.error ?? firms.error
  if (error !== null)
    return (
      <PageFrame>
        <ProblemBox error={error} />
      </PageFrame>
    )
  if (self.data === undefined || firms.data === undefined) return <Loading />
  if (self.data.is_administrator) return <Navigate to="/admin" replace />
  if (self.data.platform_role === 'reviewer') return <Navigate to="/review" replace />
  const [first, ...others] = firms.data
  const hasChoice = first === undefined || others.length > 0 || self.data.invitations.length > 0
  return <Navigate to={hasChoice ? '/firms' : `/firms/${first.id}/checklist`} replace />
}
