import { Button } from '@mantine/core'
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react'

import type { DocumentType } from '../api/queries.ts'
import { useShortcuts } from '../parts/shortcuts.ts'
import { Given, useTexts } from '../texts/texts.tsx'

/** Needs words of the reviewer. */
const other = 'other'

type Props = {
  reasons: DocumentType['reject_reasons']
  comment: string
  onComment: (comment: string) => void
  needsComment: boolean
  isPending: boolean
  onReject: (code: string) => void
  onCancel: () => void
}

/** Why a document is rejected: a reason of its type, by digit, arrow or pointer, and words for the firm. */
export function RejectForm({ reasons, comment, onComment, needsComment, isPending, onReject, onCancel }: Props) {
  const { review: texts } = useTexts()
  const form = useRef<HTMLFormElement>(null)
  const [code, setCode] = useState('')
  const isRequired = needsComment || code === other
  const [isTyping, setTyping] = useState(false)
  const [lacksReason, setLacking] = useState(false)
  useEffect(() => {
    form.current?.querySelector<HTMLInputElement>('input')?.focus()
    form.current?.scrollIntoView({ block: 'nearest' })
  }, [])
  const digits = Object.fromEntries(
    reasons.slice(0, 9).map(({ code: each }, index) => [
      String(index + 1),
      () => {
        setCode(each)
        form.current?.querySelectorAll<HTMLElement>('input, textarea')[each === other ? reasons.length : index]?.focus()
      },
    ]),
  )
  useShortcuts(digits)
  const send = (event: FormEvent) => {
    event.preventDefault()
    setLacking(code === '')
    if (!isPending && code !== '') onReject(code)
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onCancel()
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit()
  }
  return (
    <form ref={form} className="reject" noValidate={code === ''} onSubmit={send} onKeyDown={press}>
      <Reasons reasons={reasons} code={code} onChoose={setCode} />
      {lacksReason && code === '' ? <p role="alert">{texts.chooseReason}</p> : null}
      <label className="field">
        <span>{isRequired ? texts.comment : texts.commentOptional}</span>
        <textarea
          value={comment}
          required={isRequired}
          maxLength={2000}
          rows={3}
          onFocus={() => setTyping(true)}
          onBlur={() => setTyping(false)}
          onChange={(event) => onComment(event.currentTarget.value)}
        />
      </label>
      <span className="actions">
        <Button type="submit" color="red.8" loading={isPending}>
          {texts.rejectNow} <kbd aria-hidden="true">{isTyping ? texts.ctrlEnterKey : texts.enterKey}</kbd>
        </Button>
        <Button variant="default" onClick={onCancel}>
          {texts.cancel} <kbd aria-hidden="true">{texts.escapeKey}</kbd>
        </Button>
      </span>
    </form>
  )
}

type ReasonsProps = { reasons: Props['reasons']; code: string; onChoose: (code: string) => void }

function Reasons({ reasons, code, onChoose }: ReasonsProps) {
  const { review: texts } = useTexts()
  return (
    <fieldset>
      <legend>{texts.whyRejected}</legend>
      {reasons.map((reason, index) => (
        <label key={reason.code} className="reason">
          <input
            type="radio"
            name="reason"
            required
            value={reason.code}
            checked={code === reason.code}
            onChange={() => onChoose(reason.code)}
          />
          <span>
            <Given>{reason.text}</Given>
            {reason.is_final ? <span className="hint"> {texts.final}</span> : null}
          </span>
          <kbd aria-hidden="true">{index + 1}</kbd>
        </label>
      ))}
    </fieldset>
  )
}
