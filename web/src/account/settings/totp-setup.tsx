import { Anchor, Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'

import { api } from '../../api/client.ts'
import { dataOf } from '../../api/problem.ts'
import { PageFrame } from '../../app/page-frame.tsx'
import { Field, Form } from '../../parts/form.tsx'
import { isUnproven, ProofField, proofOf } from '../../parts/proof-field.tsx'
import { Given, useTexts } from '../../texts/texts.tsx'
import { showCodes } from '../unsaved-codes.ts'

const QrCode = lazy(() => import('./qr-code.tsx'))

type Props = { label: string; cancel?: () => void }

/** Sets up an authenticator app: its key, then a code that confirms it. Ends with the recovery codes. */
export function TotpSetup({ label, cancel }: Props) {
  const { enrol, everyView } = useTexts()
  const begin = useMutation({
    mutationFn: (proof: { password?: string }) => dataOf(api.POST('/api/v1/auth/second-factor/totp', { body: proof })),
  })
  const confirm = useMutation({
    mutationFn: (code: string) => dataOf(api.POST('/api/v1/auth/second-factor/totp/confirm', { body: { code } })),
    onSuccess: ({ recovery_codes: codes }) => showCodes(codes),
  })
  if (begin.data === undefined)
    return (
      <Form
        label={label}
        isPending={begin.isPending}
        error={isUnproven(begin) ? null : begin.error}
        submit={(value) => begin.mutate(proofOf(value))}
      >
        <ProofField error={begin.error} />
      </Form>
    )
  return (
    <>
      <p>{enrol.step}</p>
      <Suspense fallback={<div className="qr-code" aria-busy="true" />}>
        <QrCode text={begin.data.uri} label={enrol.qrCode} />
      </Suspense>
      <Anchor href={begin.data.uri} className="tap">
        {enrol.open}
      </Anchor>
      <p>{enrol.key}:</p>
      <code className="secret">
        <Given>{begin.data.secret}</Given>
      </code>
      <Form
        label={enrol.confirm}
        isPending={confirm.isPending}
        error={confirm.error}
        submit={(value) => confirm.mutate(value('code').trim())}
      >
        <Field name="code" label={enrol.code} inputMode="numeric" autoComplete="one-time-code" />
      </Form>
      {cancel === undefined ? null : (
        <Button variant="subtle" onClick={cancel}>
          {everyView.cancel}
        </Button>
      )}
    </>
  )
}

/** For a person who must have a second factor and has none: nothing else works before. */
export function EnrolFactor() {
  const { enrol } = useTexts()
  return (
    <PageFrame title={enrol.title} width="narrow">
      <p>{enrol.why}</p>
      <TotpSetup label={enrol.begin} />
    </PageFrame>
  )
}
