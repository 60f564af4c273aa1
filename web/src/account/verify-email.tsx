import { Anchor } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { Link } from 'react-router'

import { api, queryClient } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { PageFrame } from '../app/page-frame.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useTexts } from '../texts/texts.tsx'
import { hideToken, useLinkToken } from './link-token.ts'

export function VerifyEmail() {
  const { verify } = useTexts()
  const token = useLinkToken()
  const isSent = useRef(false)
  const verification = useMutation({
    mutationFn: (secret: string) => dataOf(api.POST('/api/v1/auth/email/verify', { body: { token: secret } })),
    onSuccess: () => queryClient.invalidateQueries(),
  })
  const { mutate } = verification
  useEffect(() => {
    hideToken()
    // The link works once.
    if (token === undefined || isSent.current) return
    isSent.current = true
    mutate(token)
  }, [token, mutate])
  return (
    <PageFrame title={verify.title} width="narrow">
      {token === undefined ? <p className="box box-bad">{verify.noToken}</p> : null}
      {verification.isPending ? <p role="status">{verify.running}</p> : null}
      {verification.error === null ? null : <ProblemBox error={verification.error} />}
      {verification.isSuccess ? (
        <p className="box box-good" role="status">
          {verify.done}
        </p>
      ) : null}
      <Anchor component={Link} to="/" className="tap">
        {verify.goOn}
      </Anchor>
    </PageFrame>
  )
}
