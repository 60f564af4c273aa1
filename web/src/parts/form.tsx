import { Button, PasswordInput, Stack, TextInput, type TextInputProps } from '@mantine/core'
import { createContext, type FormEvent, type ReactNode, use, useEffect, useLayoutEffect, useRef, useState } from 'react'

import { Failure } from '../api/problem.ts'
import { useTexts } from '../texts/texts.tsx'
import { ProblemBox } from './problem-box.tsx'

type Values = (name: string) => string

type FormProps = {
  submit: (values: Values) => void
  label: string
  isPending: boolean
  error: Error | null
  children: ReactNode
  isEmptied?: boolean
}

const ErrorContext = createContext<ReadonlyMap<string, string>>(new Map())

/** A form whose errors come from the service: each at its field, the rest above the button. It is empty after a success if `isEmptied`. */
export function Form({ submit, label, isPending, error, children, isEmptied = false }: FormProps) {
  const { everyView } = useTexts()
  const form = useRef<HTMLFormElement>(null)
  const [isExplained, setExplained] = useState(false)
  const fields = error instanceof Failure ? error.fields : new Map<string, string>()
  // Before the person sees or hears anything: the box would be a second alert.
  useLayoutEffect(() => {
    // The first wrong field, so that a person without a view of the page is led to it.
    if (error !== null)
      markedFields(form.current)
        .find((field) => !(field instanceof HTMLFieldSetElement))
        ?.focus()
    setExplained(isShownAtFields(error, form.current))
  }, [error])
  useEffect(() => {
    if (isEmptied) form.current?.reset()
  }, [isEmptied])
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    submit((name) => {
      const value = data.get(name)
      return typeof value === 'string' ? value : ''
    })
  }
  return (
    <ErrorContext value={fields}>
      <form ref={form} onSubmit={send}>
        <Stack gap="md">
          {children}
          {error === null ? null : isExplained ? (
            <p role="alert">{everyView.correctFields}</p>
          ) : (
            <ProblemBox error={error} />
          )}
          <Button type="submit" loading={isPending} size="md">
            {label}
          </Button>
        </Stack>
      </form>
    </ErrorContext>
  )
}

/** Whether every fault that the service names is at a field of this form. */
function isShownAtFields(error: Error | null, form: HTMLFormElement | null): boolean {
  const names = error instanceof Failure ? [...error.fields.keys()] : []
  const marked = new Set(markedFields(form).map((field) => field.getAttribute('name')))
  return names.length > 0 && names.every((name) => marked.has(name))
}

/** The fields that show an error. The mark of a password is around its field. */
function markedFields(form: HTMLFormElement | null): HTMLElement[] {
  return [...(form?.querySelectorAll<HTMLElement>('[name]') ?? [])].filter(
    (field) => field.closest('[aria-invalid="true"], [data-error]') !== null,
  )
}

/** The service's sentence on a field of the form. */
export function useFieldError(name: string): string | undefined {
  const words = use(ErrorContext).get(name)
  return words === undefined ? undefined : sentenceOf(words)
}

type FieldProps = Pick<
  TextInputProps,
  'description' | 'type' | 'autoComplete' | 'inputMode' | 'defaultValue' | 'readOnly' | 'maxLength'
> & { name: string; label: string; isOptional?: boolean }

export function Field({ name, isOptional = false, label, ...others }: FieldProps) {
  const { everyView } = useTexts()
  const error = useFieldError(name)
  return (
    <TextInput
      {...others}
      name={name}
      size="md"
      label={isOptional ? `${label} (${everyView.optional})` : label}
      required={!isOptional}
      withAsterisk={false}
      error={error === undefined ? undefined : <bdi data-given>{error}</bdi>}
    />
  )
}

export function PasswordField({ name, label, description, autoComplete }: FieldProps) {
  const { everyView } = useTexts()
  const error = useFieldError(name)
  return (
    <PasswordInput
      name={name}
      size="md"
      label={label}
      description={description}
      autoComplete={autoComplete}
      required
      withAsterisk={false}
      visibilityToggleButtonProps={{ 'aria-label': everyView.showPassword, tabIndex: 0, 'aria-hidden': false }}
      error={error === undefined ? undefined : <bdi data-given>{error}</bdi>}
    />
  )
}

/** The service's words on a field begin with a verb, as in "must be shorter". */
function sentenceOf(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.?!]$/.test(words) ? '' : '.'}`
}
