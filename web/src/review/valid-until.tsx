import { type ReactNode, type RefObject, useId, useRef, useState } from 'react'

import { addMonths, dayInJohannesburg } from '../../../src/vocabulary/days.ts'
import type { DocumentType } from '../api/queries.ts'
import { useFormats, useTexts } from '../texts/texts.tsx'

/**
 * The last day of validity: filled with the usual length of the type. A document that states its last day has none until the
 * reviewer has entered it. `read` returns the day, empty for no end, or undefined after leading the person to a missing one.
 */
export function useValidUntil(type: DocumentType | undefined): { field: ReactNode; read: () => string | undefined } {
  const [chosenDay, setDay] = useState<string>()
  const [isMissing, setMissing] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const day = chosenDay ?? usualEnd(type)
  const read = () => {
    if (day !== '' || type?.validity_stated !== true) return day
    setMissing(true)
    input.current?.focus()
    return undefined
  }
  const field = <ValidUntil type={type} day={day} isMissing={isMissing && day === ''} onChange={setDay} input={input} />
  return { field, read }
}

type Props = {
  type: DocumentType | undefined
  day: string
  isMissing: boolean
  onChange: (day: string) => void
  input: RefObject<HTMLInputElement | null>
}

function ValidUntil({ type, day, isMissing, onChange, input }: Props) {
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
        aria-invalid={isMissing}
        aria-describedby={hint}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      {isMissing ? (
        <span id={hint} role="alert">
          {texts.dayIsMissing}
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
