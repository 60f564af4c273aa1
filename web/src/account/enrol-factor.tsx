import { Anchor, Button, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'

import { api, queryClient } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { Field, Form } from '../parts/form.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { Given, useTexts } from '../texts/texts.tsx'

/** For a person who must have a second factor and has none: nothing else works before. */
export function EnrolFactor() {
  const { enrol } = useTexts()
  const [codes, setCodes] = useState<string[]>()
  const begin = useMutation({ mutationFn: () => dataOf(api.POST('/api/v1/auth/second-factor/totp', { body: null })) })
  const confirm = useMutation({
    mutationFn: (code: string) => dataOf(api.POST('/api/v1/auth/second-factor/totp/confirm', { body: { code } })),
    onSuccess: ({ recovery_codes: saved }) => setCodes(saved),
  })
  if (codes !== undefined) return <RecoveryCodes codes={codes} onSaved={() => void queryClient.resetQueries()} />
  return (
    <PageFrame title={enrol.title} width="narrow">
      <Stack gap="md">
        <p>{enrol.why}</p>
        {begin.error === null ? null : <ProblemBox error={begin.error} />}
        {begin.data === undefined ? (
          <Button size="md" loading={begin.isPending} onClick={() => begin.mutate()}>
            {enrol.begin}
          </Button>
        ) : (
          <>
            <p>{enrol.step}</p>
            <Anchor href={begin.data.uri} className="tap">
              {enrol.open}
            </Anchor>
            <p>
              {enrol.key}: <Given>{begin.data.secret}</Given>
            </p>
            <Form
              label={enrol.confirm}
              isPending={confirm.isPending}
              error={confirm.error}
              submit={(value) => confirm.mutate(value('code').trim())}
            >
              <Field name="code" label={enrol.confirm} inputMode="numeric" autoComplete="one-time-code" />
            </Form>
          </>
        )}
      </Stack>
    </PageFrame>
  )
}

function RecoveryCodes({ codes, onSaved }: { codes: string[]; onSaved: () => void }) {
  const { enrol } = useTexts()
  return (
    <PageFrame title={enrol.codesTitle} width="narrow">
      <p>{enrol.codesHelp}</p>
      <ul className="codes">
        {codes.map((code) => (
          <li key={code}>
            <Given>{code}</Given>
          </li>
        ))}
      </ul>
      <Button size="md" onClick={onSaved}>
        {enrol.saved}
      </Button>
    </PageFrame>
  )
}
