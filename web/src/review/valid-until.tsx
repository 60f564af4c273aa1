import { type RefObject, useId, useRef, useState } from 'react'

import { addMonths, dayInJohannesburg } from '../../../src/vocabulary/days.ts'
import type { DocumentType } from '../api/queries.ts'
import { useFormats, useTexts } from '../texts/texts.tsx'

/**
 * The last day of validity: `given`, or the usual length of the type. A document that states its last day has none until the
 * reviewer has entered it. `read` returns the day, empty for no end, or undefined after leading the person to a day that is
 * missing or past.
 */
export function useValidUntil(type: DocumentType | undefined, given: string | null) {
  const [chosenDay, setDay] = useState<string>()
  const [isJudged, setJudged] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const day = chosenDay ?? given ?? usualEnd(type)
  const fault = faultOf(type, day)
  const read = () => {
    setJudged(fault !== undefined)
    if (fault === undefined) return day
    input.current?.focus()
    return undefined
  }
  const fieldFor = (accept: () => void) => (
    <ValidUntil
      type={type}
      day={day}
      fault={isJudged ? fault : undefined}
      onChange={setDay}
      onEnter={accept}
      input={input}
    />
  )
  return { fieldFor, read }
}

type Fault = 'missing' | 'past'

function faultOf(type: DocumentType | undefined, day: string): Fault | undefined {
  if (day === '') return type?.validity_stated === true ? 'missing' : undefined
  return day < dayInJohannesburg(new Date()) ? 'past' : undefined
}

type Props = {
  type: DocumentType | undefined
  day: string
  fault: Fault | undefined
  onChange: (day: string) => void
  onEnter: () => void
  input: RefObject<HTMLInputElement | null>
}

function ValidUntil({ type, day, fault, onChange, onEnter, input }: Props) {
  const { review: texts, everyView } = useTexts()
  const isOptional = type?.validity_months === null && !type.validity_stated
  const hint = useId()
  return (
    <label className="field">
      <span>{isOptional ? `${texts.validUntil} (${everyView.optional})` : texts.validUntil}</span>
      <input
        ref={input}
        type="date"
        value={day}
        min={dayInJohannesburg(new Date())}
        aria-required={type?.validity_stated === true}
        aria-invalid={fault !== undefined}
        aria-describedby={hint}
        onChange={(event) => onChange(event.currentTarget.value)}
        onKeyDown={({ key }) => {
          if (key === 'Enter') onEnter()
        }}
      />
      {fault !== undefined ? (
        <span id={hint} role="alert">
          {fault === 'missing' ? texts.dayIsMissing : texts.dayIsPast}
        </span>
      ) : (
        <Hint id={hint} type={type} day={day} />
      )}
    </label>
  )
}

function Hint({ id, type, day }: { id: string; type: DocumentType | undefined; day: string }) {
  const { review: texts } = useTexts()
  const formats = useFormats()
  const months = type?.validity_months ?? null
  if (type?.validity_stated === true)
    return (
      <span id={id} className="hint">
        {day === '' ? texts.dayIsStated : formats.date(day)}
      </span>
    )
  return (
    <span id={id} className="hint">
      {day === '' ? null : formats.date(day)}
      {months === null ? null : ` · ${texts.usualLength(months)}`}
    </span>
  )
}

/** The last day of the type's usual length, as the service calculates it; empty for a type without one. */
function usualEnd(type: DocumentType | undefined): string {
  const months = type?.validity_months ?? null
  if (months === null || type?.validity_stated === true) return ''
  return addMonths(dayInJohannesburg(new Date()), months)
}
