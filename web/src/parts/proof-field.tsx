import { useEffect, useRef, useState } from 'react'

import { Failure } from '../api/problem.ts'
import { useTexts } from '../texts/texts.tsx'
import { PasswordField } from './form.tsx'

/** A field for the password, once the service wants it: the login is not new any more. */
export function ProofField({ error }: { error: Error | null }) {
  const { everyView } = useTexts()
  const [isAsked, setAsked] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (error instanceof Failure && error.code === 'forbidden') setAsked(true)
  }, [error])
  useEffect(() => {
    if (isAsked) box.current?.querySelector('input')?.focus()
  }, [isAsked])
  if (!isAsked) return null
  return (
    <div ref={box}>
      <PasswordField
        name="password"
        label={everyView.password}
        description={everyView.proof}
        autoComplete="current-password"
      />
    </div>
  )
}

type Attempt = { error: Error | null; variables: { password?: string | undefined } | undefined }

/** Whether only the proof is missing: the field for it says so, and no error is shown. */
export function isUnproven({ error, variables }: Attempt): boolean {
  return error instanceof Failure && error.code === 'forbidden' && variables?.password === undefined
}

/** The password of the form, if there is one. */
export function proofOf(value: (name: string) => string): { password?: string } {
  const password = value('password')
  return password === '' ? {} : { password }
}
