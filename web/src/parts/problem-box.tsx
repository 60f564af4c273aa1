import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'

import { api } from '../api/client.ts'
import { dataOf, Failure } from '../api/problem.ts'
import { Given, useFormats, useTexts } from '../texts/texts.tsx'

type Props = { error: Error; retry?: () => void; children?: ReactNode }

/** An error in the person's words, with a way forward and the request id. */
export function ProblemBox({ error, retry, children }: Props) {
  const { everyView } = useTexts()
  const requestId = error instanceof Failure ? error.requestId : undefined
  return (
    <div className="box box-bad" role="alert">
      <p>
        <Explanation error={error} />
      </p>
      {children}
      {error instanceof Failure && error.code === 'email_unverified' ? <SendAgain /> : null}
      {retry === undefined ? null : (
        <Button variant="default" onClick={retry}>
          {everyView.retry}
        </Button>
      )}
      {requestId === undefined ? null : <p className="request-id">{everyView.requestId(requestId)}</p>}
    </div>
  )
}

/** The sentences of an error. */
export function Explanation({ error }: { error: Error }) {
  const { errors } = useTexts()
  const formats = useFormats()
  if (!(error instanceof Failure)) return errors.unknown
  if (error.code === 'network') return errors.network
  if (error.detail === undefined) return errors.unknown
  const { retryAfterSeconds: seconds } = error
  return (
    <>
      <Given>{error.detail}</Given>
      {seconds === undefined ? null : <> {errors.tryAgainAt(formats.time(new Date(Date.now() + seconds * 1000)))}</>}
    </>
  )
}

/** Sends another link that verifies the person's e-mail address. */
export function SendAgain() {
  const { errors } = useTexts()
  const sending = useMutation({ mutationFn: () => dataOf(api.POST('/api/v1/auth/email/verification')) })
  if (sending.isSuccess) return <p role="status">{errors.resent}</p>
  return (
    <>
      {sending.error === null ? null : (
        <p role="alert">
          <Explanation error={sending.error} />
        </p>
      )}
      <Button variant="default" loading={sending.isPending} onClick={() => sending.mutate()}>
        {errors.resend}
      </Button>
    </>
  )
}
