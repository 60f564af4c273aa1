import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'

import { api } from '../../api/client.ts'
import { dataOf } from '../../api/problem.ts'
import { ProblemBox } from '../../parts/problem-box.tsx'
import { useTexts } from '../../texts/texts.tsx'

/** Asks a person to verify their e-mail address, and sends another link. */
export function UnverifiedEmail() {
  const { settings: texts, errors } = useTexts()
  const sending = useMutation({ mutationFn: () => dataOf(api.POST('/api/v1/auth/email/verification')) })
  return (
    <div className="box box-warn">
      <p>{texts.unverifiedHelp}</p>
      {sending.error === null ? null : <ProblemBox error={sending.error} />}
      {sending.isSuccess ? (
        <p role="status">{errors.resent}</p>
      ) : (
        <Button variant="default" loading={sending.isPending} onClick={() => sending.mutate()}>
          {errors.resend}
        </Button>
      )}
    </div>
  )
}
