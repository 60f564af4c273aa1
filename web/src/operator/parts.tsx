import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import { Failure } from '../api/problem.ts'
import { PasswordField, useFieldError } from '../parts/form.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useTexts } from '../texts/texts.tsx'

type ConfirmProps = {
  label: string
  /** What it does, and whether it can be undone. */
  question: string
  isPending: boolean
  error: Error | null
  run: () => void
  isDanger?: boolean
  children?: ReactNode
}

/** Asks in place before something that somebody else will notice. The first press changes nothing. */
export function Confirm({ label, question, isPending, error, run, isDanger = false, children }: ConfirmProps) {
  const { common } = useTexts()
  const [isAsking, setAsking] = useState(false)
  const yes = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (isAsking) yes.current?.focus()
  }, [isAsking])
  if (!isAsking)
    return (
      <Button variant="default" onClick={() => setAsking(true)}>
        {label}
      </Button>
    )
  return (
    <div className="box box-warn operator-confirm" role="group" aria-label={label}>
      <p>{question}</p>
      {children}
      {error === null ? null : <ProblemBox error={error} />}
      <span className="actions">
        <Button ref={yes} loading={isPending} className={isDanger ? 'operator-danger-yes' : undefined} onClick={run}>
          {label}
        </Button>
        <Button variant="default" onClick={() => setAsking(false)}>
          {common.cancel}
        </Button>
      </span>
    </div>
  )
}

/** Asked for once the service wants it: the login is not new any more. */
export function ProofField({ error }: { error: Error | null }) {
  const { common, operator: texts } = useTexts()
  const [isAsked, setAsked] = useState(false)
  useEffect(() => {
    if (error instanceof Failure && error.code === 'forbidden') setAsked(true)
  }, [error])
  if (!isAsked) return null
  return (
    <PasswordField name="password" label={common.password} description={texts.proof} autoComplete="current-password" />
  )
}

/** The password of the form, if there is one. */
export function proofOf(value: (name: string) => string): { password?: string } {
  const password = value('password')
  return password === '' ? {} : { password }
}

type CheckProps = { name: string; label: ReactNode; defaultChecked?: boolean }

export function Check({ name, label, defaultChecked = false }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" name={name} defaultChecked={defaultChecked} />
      <span>{label}</span>
    </label>
  )
}

export function isChecked(value: (name: string) => string, name: string): boolean {
  return value(name) === 'on'
}

type ChecksProps = { legend: string; name: string; children: ReactNode }

/** Check boxes that belong together, with the error of their field. */
export function Checks({ legend, name, children }: ChecksProps) {
  const error = useFieldError(name)
  return (
    <fieldset className="operator-checks">
      <legend>{legend}</legend>
      {children}
      {error === undefined ? null : (
        <p className="operator-error" data-given>
          {error}
        </p>
      )}
    </fieldset>
  )
}

type TextProps = { name: string; label: string; description?: string; defaultValue?: string; rows?: number }

/** Several lines of text. */
export function TextField({ name, label, description, defaultValue = '', rows = 3 }: TextProps) {
  const error = useFieldError(name)
  return (
    <label className="operator-text">
      <span className="operator-label">{label}</span>
      {description === undefined ? null : <span className="hint">{description}</span>}
      <textarea data-given name={name} defaultValue={defaultValue} rows={rows} aria-invalid={error !== undefined} />
      {error === undefined ? null : (
        <span className="operator-error" data-given>
          {error}
        </span>
      )}
    </label>
  )
}

type SecretProps = { title: string; help: string; secret: string; close: () => void }

/** A secret that the service shows this once. */
export function Secret({ title, help, secret, close }: SecretProps) {
  const { operator: texts } = useTexts()
  const [isCopied, setCopied] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => box.current?.focus(), [])
  const copy = async () => {
    await navigator.clipboard.writeText(secret)
    setCopied(true)
  }
  return (
    <div ref={box} className="box box-good" tabIndex={-1} role="group" aria-label={title}>
      <h2>{title}</h2>
      <p>{help}</p>
      <code className="operator-secret" data-given>
        {secret}
      </code>
      <span className="actions">
        {/* Absent where the page has no safe connection. */}
        {'clipboard' in navigator ? (
          <Button variant="default" onClick={() => void copy()}>
            {isCopied ? texts.copied : texts.copy}
          </Button>
        ) : null}
        <Button onClick={close}>{texts.storedIt}</Button>
      </span>
    </div>
  )
}

/** What a list shows when it has nothing. */
export function Empty({ title, help }: { title: string; help: string }) {
  return (
    <div className="box">
      <h2>{title}</h2>
      <p>{help}</p>
    </div>
  )
}
