import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { lazy, type ReactNode, useEffect } from 'react'

import { RecoveryCodes } from '../account/settings/recovery-codes.tsx'
import { useUnsavedCodes } from '../account/unsaved-codes.ts'
import { selfQuery } from '../api/queries.ts'
import { Failure } from '../api/problem.ts'
import { refresh, useSessionStatus } from '../api/session.ts'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useTexts } from '../texts/texts.tsx'
import { openUploads } from '../uploads/manage-uploads.ts'
import { Loading, PageFrame } from './page-frame.tsx'

const ForcedPassword = lazy(async () => ({ default: (await import('../account/change-password.tsx')).ForcedPassword }))
const EnrolFactor = lazy(async () => ({ default: (await import('../account/settings/totp-setup.tsx')).EnrolFactor }))

/** Shows its children to a person with a session; others are asked for what is missing first. */
export function SignedIn({ children }: { children: ReactNode }) {
  const status = useSessionStatus()
  const unsaved = useUnsavedCodes()
  const self = useQuery({ ...selfQuery, enabled: status === 'signed_in' })

  useEffect(() => {
    if (status === 'unknown') void refresh()
  }, [status])

  const personId = self.data?.id
  useEffect(() => {
    if (status === 'signed_in' && personId !== undefined) openUploads(personId)
  }, [status, personId])

  if (status === 'unreachable') return <Unreachable />
  if (status !== 'signed_in') return <Loading />
  // Not loaded on demand: the codes exist once, and a connection may be gone by then.
  if (unsaved !== undefined) return <RecoveryCodes {...unsaved} />
  if (self.error !== null) return <AskedFirst error={self.error} retry={() => void self.refetch()} />
  return self.data === undefined ? <Loading /> : children
}

/** What the service asks for before anything else, or why it does not answer about the person. */
function AskedFirst({ error, retry }: { error: Error; retry: () => void }) {
  if (error instanceof Failure) {
    if (error.code === 'password_change_required') return <ForcedPassword />
    if (error.code === 'second_factor_required') return <EnrolFactor />
  }
  return (
    <PageFrame>
      <ProblemBox error={error} retry={retry} />
    </PageFrame>
  )
}

function Unreachable() {
  const { errors, everyView, signIn } = useTexts()
  return (
    <PageFrame title={signIn.unreachableTitle}>
      <p>{errors.network}</p>
      <Button onClick={() => void refresh()}>{everyView.retry}</Button>
    </PageFrame>
  )
}
