import { Anchor, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from 'react-router'

import { api } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Field, Form } from '../parts/form.tsx'
import { useTexts } from '../texts/texts.tsx'

export function ForgotPassword() {
  const { forgot, everyView } = useTexts()
  const request = useMutation({
    mutationFn: (email: string) => dataOf(api.POST('/api/v1/auth/password/forgot', { body: { email } })),
  })
  return (
    <PageFrame title={forgot.title} width="narrow">
      <Stack gap="md">
        {request.isSuccess ? (
          <p className="box box-good" role="status">
            {forgot.sent}
          </p>
        ) : (
          <>
            <p>{forgot.help}</p>
            <Form
              label={forgot.submit}
              isPending={request.isPending}
              error={request.error}
              submit={(value) => request.mutate(value('email'))}
            >
              <Field name="email" type="email" label={everyView.email} autoComplete="username" />
            </Form>
          </>
        )}
        <Anchor component={Link} to="/sign-in" className="tap">
          {forgot.back}
        </Anchor>
      </Stack>
    </PageFrame>
  )
}
