import { Anchor } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Link } from 'react-router'

import { api } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Form, PasswordField } from '../parts/form.tsx'
import { useTexts } from '../texts/texts.tsx'
import { hideToken, useLinkToken } from './link-token.ts'

export function ResetPassword() {
  const { reset, everyView, signIn } = useTexts()
  const token = useLinkToken()
  useEffect(hideToken, [])
  const change = useMutation({
    mutationFn: (body: { token: string; new_password: string }) =>
      dataOf(api.POST('/api/v1/auth/password/reset', { body })),
  })
  return (
    <PageFrame title={reset.title} width="narrow">
      {token === undefined ? <p className="box box-bad">{reset.noToken}</p> : null}
      {change.isSuccess ? (
        <>
          <p className="box box-good" role="status">
            {reset.done}
          </p>
          <Anchor component={Link} to="/sign-in" className="tap">
            {signIn.title}
          </Anchor>
        </>
      ) : null}
      {token === undefined || change.isSuccess ? null : (
        <Form
          label={reset.submit}
          isPending={change.isPending}
          error={change.error}
          submit={(value) => change.mutate({ token, new_password: value('new_password') })}
        >
          <PasswordField
            name="new_password"
            label={everyView.newPassword}
            description={everyView.passwordHint}
            autoComplete="new-password"
          />
        </Form>
      )}
    </PageFrame>
  )
}
