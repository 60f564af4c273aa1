import { Anchor, Button, Stack } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Navigate, useLocation, useNavigate, useSearchParams } from 'react-router'

import { api } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf, Failure } from '../api/problem.ts'
import { optionsQuery } from '../api/queries.ts'
import { acceptTokens, expectSession, sessionEnd, useSessionStatus } from '../api/session.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Field, Form, PasswordField } from '../parts/form.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useTexts } from '../texts/texts.tsx'
import { canUsePasskeys, signInWithPasskey } from './passkeys.ts'
import { SecondFactor } from './second-factor.tsx'

type LoggedIn = Schemas['LoggedIn']
export type Challenge = Extract<LoggedIn, { challenge: string }>

/** Only a path of this page: another address could imitate it. Browsers leave tabs and line breaks of an address out. */
export function safeTarget(to: string | null): string {
  return to !== null && /^\/(?![/\\])\P{Cc}*$/u.test(to) ? to : '/'
}

export function SignIn() {
  const { signIn } = useTexts()
  const [parameters] = useSearchParams()
  const [challenge, setChallenge] = useState<Challenge>()
  const navigate = useNavigate()
  const target = safeTarget(parameters.get('to'))
  const status = useSessionStatus()

  const accept = (answer: LoggedIn) => {
    if ('challenge' in answer) return setChallenge(answer)
    acceptTokens(answer)
    void navigate(target, { replace: true })
  }
  if (status === 'signed_in') return <Navigate to={target} replace />
  if (challenge !== undefined)
    return <SecondFactor challenge={challenge} accept={accept} restart={() => setChallenge(undefined)} />
  return (
    <PageFrame title={signIn.title} width="narrow">
      <EndOfSession />
      <ProviderFailure />
      <Ways accept={accept} target={target} />
    </PageFrame>
  )
}

type WaysProps = { accept: (answer: LoggedIn) => void; target: string }

function Ways({ accept, target }: WaysProps) {
  const { signIn } = useTexts()
  const options = useQuery(optionsQuery)
  const { data, error } = options
  return (
    <Stack gap="md">
      {error === null ? null : <ProblemBox error={error} retry={() => void options.refetch()} />}
      <PasswordWay accept={accept} canReset={data?.password_reset} />
      {data === undefined ? null : <OtherWays accept={accept} options={data} />}
      {data === undefined || data.registration === 'off' ? null : (
        <p>
          {signIn.noAccount}{' '}
          <Anchor component={Link} to={`/register?to=${encodeURIComponent(target)}`} className="tap">
            {signIn.register}
          </Anchor>
        </p>
      )}
    </Stack>
  )
}

function PasswordWay({ accept, canReset }: { accept: WaysProps['accept']; canReset: boolean | undefined }) {
  const { signIn, everyView } = useTexts()
  const [parameters] = useSearchParams()
  const login = useMutation({
    mutationFn: (body: { email: string; password: string }) => dataOf(api.POST('/api/v1/auth/login', { body })),
    onSuccess: accept,
  })
  const isLockedOut = login.error instanceof Failure && login.error.code === 'rate_limited'
  return (
    <Form
      label={signIn.submit}
      isPending={login.isPending}
      error={login.error}
      submit={(value) => login.mutate({ email: value('email'), password: value('password') })}
    >
      <Field
        name="email"
        type="email"
        label={everyView.email}
        autoComplete="username"
        defaultValue={parameters.get('email') ?? ''}
      />
      <PasswordField name="password" label={everyView.password} autoComplete="current-password" />
      {canReset === false ? <p className="hint">{signIn.forgotHelp}</p> : null}
      {canReset === true ? (
        <Anchor component={Link} to="/forgot-password" className="tap">
          {signIn.forgot}
        </Anchor>
      ) : null}
      {isLockedOut ? <p className="box box-warn">{signIn.lockedOut}</p> : null}
    </Form>
  )
}

function OtherWays({ accept, options }: { accept: WaysProps['accept']; options: Schemas['SignInOptions'] }) {
  const { signIn } = useTexts()
  const passkey = useMutation({ mutationFn: signInWithPasskey, onSuccess: accept })
  const hasPasskeys = options.passkey && canUsePasskeys()
  if (!hasPasskeys && !options.provider) return null
  return (
    <>
      <p className="divider">{signIn.or}</p>
      {hasPasskeys ? (
        <Button variant="default" size="md" loading={passkey.isPending} onClick={() => passkey.mutate()}>
          {signIn.passkey}
        </Button>
      ) : null}
      {hasPasskeys ? <p className="hint">{signIn.passkeyHelp}</p> : null}
      {passkey.error === null ? null : <PasskeyProblem error={passkey.error} />}
      {options.provider ? (
        <Button component="a" href="/api/v1/auth/provider" variant="default" size="md" onClick={expectSession}>
          {signIn.provider}
        </Button>
      ) : null}
    </>
  )
}

function PasskeyProblem({ error }: { error: Error }) {
  const { signIn } = useTexts()
  if (error instanceof Failure) return <ProblemBox error={error} />
  return (
    <p className="box box-bad" role="alert">
      {signIn.passkeyFailed}
    </p>
  )
}

/** That the sign-out worked, or why a person who did not sign out is here. */
function EndOfSession() {
  const { signIn } = useTexts()
  const end = sessionEnd()
  if (end === undefined) return null
  return (
    <p className="box" role="status">
      {signIn.ends[end]}
    </p>
  )
}

/** The provider's sign-in reports its failure in the fragment of the address. */
function ProviderFailure() {
  const { signIn, everyView } = useTexts()
  const { hash } = useLocation()
  const facts = new URLSearchParams(hash.slice(1))
  const name = facts.get('sign_in_error')
  const requestId = facts.get('request_id')
  if (name === null) return null
  const known: Record<string, string> = { cancelled: signIn.providerCancelled, not_linked: signIn.providerNotLinked }
  return (
    <div className="box box-bad" role="alert">
      <p>{known[name] ?? signIn.providerFailed}</p>
      {requestId === null ? null : <p className="request-id">{everyView.requestId(requestId)}</p>}
    </div>
  )
}
