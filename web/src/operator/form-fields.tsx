import { type ReactNode, useId } from 'react'

import { useFieldError } from '../parts/form.tsx'

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
  const id = useId()
  return (
    <fieldset
      className="operator-checks"
      name={name}
      data-error={error !== undefined || undefined}
      aria-describedby={error === undefined ? undefined : id}
    >
      <legend>{legend}</legend>
      {children}
      {error === undefined ? null : (
        <p id={id} className="operator-error" role="alert" data-given>
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
