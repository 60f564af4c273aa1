import { useMutation } from '@tanstack/react-query'
import { useNavigate } from 'react-router'

import { api, queryClient } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { refresh } from '../api/session.ts'
import { useNotify } from '../app/notices.tsx'
import { PageFrame } from '../app/page-frame.tsx'
import { Form, PasswordField } from '../parts/form.tsx'
import { useTexts } from '../texts/texts.tsx'

/** For a person whose password was generated: nothing else works before. */
export function ForcedPassword() {
  const { changePassword } = useTexts()
  const navigate = useNavigate()
  const goOn = async () => {
    await refresh()
    await queryClient.resetQueries()
    void navigate('/')
  }
  return (
    <PageFrame title={changePassword.title} width="narrow">
      <p className="box box-warn">{changePassword.forced}</p>
      <ChangePassword onDone={() => void goOn()} />
    </PageFrame>
  )
}

export function ChangePassword({ onDone }: { onDone?: () => void }) {
  const { changePassword, everyView } = useTexts()
  const notify = useNotify()
  const change = useMutation({
    mutationFn: (body: { current_password: string; new_password: string }) =>
      dataOf(api.PUT('/api/v1/auth/password', { body })),
    onSuccess() {
      notify(changePassword.done)
      onDone?.()
    },
  })
  return (
    <Form
      label={changePassword.submit}
      isPending={change.isPending}
      error={change.error}
      isEmptied={change.isSuccess}
      submit={(value) =>
        change.mutate({ current_password: value('current_password'), new_password: value('new_password') })
      }
    >
      <PasswordField name="current_password" label={changePassword.current} autoComplete="current-password" />
      <PasswordField
        name="new_password"
        label={everyView.newPassword}
        description={everyView.passwordHint}
        autoComplete="new-password"
      />
    </Form>
  )
}
