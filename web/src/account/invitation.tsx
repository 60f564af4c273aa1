import { Anchor, Button, Group, Stack } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Link, useNavigate } from 'react-router'

import { api, queryClient } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { refresh, useSessionStatus } from '../api/session.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useTexts } from '../texts/texts.tsx'
import { forgetToken, hideToken, rememberToken, useLinkToken } from './link-token.ts'

export function Invitation() {
  const { invitation } = useTexts()
  const token = useLinkToken()
  useEffect(hideToken, [])
  return (
    <PageFrame title={invitation.title} width="narrow">
      {token === undefined ? <p className="box box-bad">{invitation.noToken}</p> : <OfToken token={token} />}
    </PageFrame>
  )
}

function OfToken({ token }: { token: string }) {
  const { invitation, roles } = useTexts()
  const status = useSessionStatus()
  const navigate = useNavigate()
  useEffect(() => {
    if (status === 'unknown') void refresh()
  }, [status])
  const path = { params: { path: { token } } }
  const read = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => dataOf(api.GET('/api/v1/invitations/{token}', path)),
  })
  const accepting = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/invitations/{token}/accept', path)),
    async onSuccess({ firm_id: firmId }) {
      forgetToken()
      // The invitation itself does not exist any more.
      await queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'invitation' })
      void navigate(`/firms/${firmId}/checklist`, { replace: true })
    },
  })
  if (read.error !== null) return <ProblemBox error={read.error} retry={() => void read.refetch()} />
  if (read.data === undefined) return null
  const { firm_name: firm, role, email } = read.data
  return (
    <Stack gap="md">
      <p>
        <Given>{firm}</Given>
      </p>
      <p>{invitation.text(firm, roles[role])}</p>
      <p>
        {invitation.forAddress} <Given>{email}</Given>
      </p>
      {accepting.error === null ? null : <ProblemBox error={accepting.error} />}
      {status === 'signed_in' ? (
        <Button size="md" loading={accepting.isPending} onClick={() => accepting.mutate()}>
          {invitation.accept}
        </Button>
      ) : (
        <SignInFirst email={email} token={token} />
      )}
    </Stack>
  )
}

function SignInFirst({ email, token }: { email: string; token: string }) {
  const { invitation, signIn } = useTexts()
  const remember = () => rememberToken(token)
  const query = new URLSearchParams({ to: '/invitation', email })
  return (
    <>
      <p>{invitation.signInFirst}</p>
      <Group>
        <Button component={Link} to={`/sign-in?${query}`} onClick={remember} size="md">
          {signIn.title}
        </Button>
        <Anchor component={Link} to={`/register?${query}`} onClick={remember} className="tap">
          {signIn.register}
        </Anchor>
      </Group>
    </>
  )
}
