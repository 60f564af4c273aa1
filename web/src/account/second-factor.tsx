import { Button, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

import { api } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf } from '../api/problem.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Field, Form } from '../parts/form.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useTexts } from '../texts/texts.tsx'
import { canUsePasskeys, provePasskey } from './passkeys.ts'
import type { Challenge } from './sign-in.tsx'

type Props = {
  challenge: Challenge
  accept: (answer: Schemas['LoggedIn']) => void
  restart: () => void
}

/** The second proof after the right password. */
export function SecondFactor({ challenge, accept, restart }: Props) {
  const { factor } = useTexts()
  const { methods } = challenge
  const [method, setMethod] = useState<'totp' | 'recovery_code'>(methods.includes('totp') ? 'totp' : 'recovery_code')
  const other = method === 'totp' ? 'recovery_code' : 'totp'
  const isTotp = method === 'totp'
  const proof = useMutation({
    mutationFn: (code: string) =>
      dataOf(api.POST('/api/v1/auth/login/second-factor', { body: { challenge: challenge.challenge, method, code } })),
    onSuccess: accept,
  })
  const choose = () => {
    // Its error is that of the other code.
    proof.reset()
    setMethod(other)
  }
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => box.current?.querySelector('input')?.focus(), [method])

  return (
    <PageFrame title={factor.title} width="narrow">
      <Stack ref={box} gap="md">
        <PasskeyProof challenge={challenge} accept={accept} />
        <Form
          key={method}
          label={factor.submit}
          isPending={proof.isPending}
          error={proof.error}
          submit={(value) => proof.mutate(value('code').trim())}
        >
          <Field
            name="code"
            label={isTotp ? factor.totpLabel : factor.recoveryLabel}
            description={isTotp ? factor.totpHint : factor.recoveryHint}
            autoComplete="one-time-code"
            inputMode={isTotp ? 'numeric' : 'text'}
          />
        </Form>
        {methods.includes(other) ? (
          <Button variant="subtle" onClick={choose}>
            {other === 'totp' ? factor.useTotp : factor.useRecovery}
          </Button>
        ) : null}
        <Button variant="subtle" onClick={restart}>
          {factor.restart}
        </Button>
      </Stack>
    </PageFrame>
  )
}

function PasskeyProof({ challenge, accept }: Omit<Props, 'restart'>) {
  const { factor } = useTexts()
  const { methods, passkey_options: options } = challenge
  const proof = useMutation({
    mutationFn: async (given: Schemas['PasskeyOptions']) =>
      dataOf(
        api.POST('/api/v1/auth/login/second-factor', {
          body: { challenge: challenge.challenge, method: 'passkey', code: await provePasskey(given) },
        }),
      ),
    onSuccess: accept,
  })
  if (!methods.includes('passkey') || options === undefined || !canUsePasskeys()) return null
  return (
    <>
      <Button size="md" loading={proof.isPending} onClick={() => proof.mutate(options)}>
        {factor.usePasskey}
      </Button>
      {proof.error === null ? null : <ProblemBox error={proof.error} />}
    </>
  )
}
