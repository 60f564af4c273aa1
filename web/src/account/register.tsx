import { Anchor, Stack } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'

import { api } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import { optionsQuery } from '../api/queries.ts'
import { acceptTokens } from '../api/session.ts'
import { useNotify } from '../app/notices.tsx'
import { PageFrame } from '../app/page-frame.tsx'
import { Field, Form, PasswordField } from '../parts/form.tsx'
import { useTexts } from '../texts/texts.tsx'
import { safeTarget } from './sign-in.tsx'

export function Register() {
  const { register, signIn } = useTexts()
  const [parameters] = useSearchParams()
  const target = safeTarget(parameters.get('to'))
  const { data: options } = useQuery(optionsQuery)
  const [isWaiting, setWaiting] = useState(false)
  return (
    <PageFrame title={register.title} width="narrow">
      <Stack gap="md">
        {options?.registration === 'off' ? <p className="box box-warn">{register.closed}</p> : null}
        {options?.registration === 'invited' ? <p className="box box-wait">{register.invitedOnly}</p> : null}
        {isWaiting ? (
          <p className="box box-wait" role="status">
            {register.waits}
          </p>
        ) : null}
        {options?.registration === 'off' || isWaiting ? null : (
          <RegistrationForm
            target={target}
            verifiesByMail={options?.password_reset === true}
            wait={() => setWaiting(true)}
          />
        )}
        <p>
          {register.have}{' '}
          <Anchor component={Link} to={`/sign-in?to=${encodeURIComponent(target)}`} className="tap">
            {signIn.title}
          </Anchor>
        </p>
      </Stack>
    </PageFrame>
  )
}

type FormProps = { target: string; verifiesByMail: boolean; wait: () => void }

function RegistrationForm({ target, verifiesByMail, wait }: FormProps) {
  const { register, everyView } = useTexts()
  const [parameters] = useSearchParams()
  const navigate = useNavigate()
  const notify = useNotify()
  const registration = useMutation({
    mutationFn: (body: Schemas['RegistrationInput']) => dataOf(api.POST('/api/v1/auth/register', { body })),
    onSuccess({ access_token: token, expires_in: seconds }) {
      if (token === undefined || seconds === undefined) return wait()
      acceptTokens({ access_token: token, expires_in: seconds })
      if (verifiesByMail) notify(register.checkMail)
      void navigate(target, { replace: true })
    },
  })
  return (
    <Form
      label={register.submit}
      isPending={registration.isPending}
      error={registration.error}
      submit={(value) => registration.mutate(registrationOf(value))}
    >
      <Field name="first_name" label={register.firstName} autoComplete="given-name" />
      <Field name="last_name" label={register.lastName} autoComplete="family-name" />
      <Field
        name="email"
        type="email"
        label={everyView.email}
        autoComplete="username"
        defaultValue={parameters.get('email') ?? ''}
      />
      <Field name="phone" type="tel" label={register.phone} autoComplete="tel" isOptional />
      <PasswordField
        name="password"
        label={everyView.password}
        description={everyView.passwordHint}
        autoComplete="new-password"
      />
    </Form>
  )
}

function registrationOf(value: (name: string) => string): Schemas['RegistrationInput'] {
  const phone = value('phone')
  return {
    email: value('email'),
    password: value('password'),
    first_name: value('first_name'),
    last_name: value('last_name'),
    ...(phone === '' ? {} : { phone }),
  }
}
