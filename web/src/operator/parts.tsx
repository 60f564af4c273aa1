import { Button } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import { useFieldError } from '../parts/form.tsx'
import { useTexts } from '../texts/texts.tsx'

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
