import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'

import { Failure } from '../api/problem.ts'
import { refreshFirm } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useShortcuts } from '../parts/shortcuts.ts'
import { useTexts } from '../texts/texts.tsx'
import { type Application, decideApplication } from './application-queries.ts'

/** Approves or rejects an application that waits. */
export function ApplicationDecision({ application }: { application: Application }) {
  const { applications: texts, review } = useTexts()
  const notify = useNotify()
  const [isRejecting, setRejecting] = useState(false)
  const [reason, setReason] = useState('')
  const [notes, setNotes] = useState('')
  const deciding = useMutation({
    mutationFn: (decision: 'approve' | 'reject') =>
      decideApplication(application.firm_id, {
        decision,
        ...(decision === 'reject' && { reason }),
        ...(notes.trim() !== '' && { notes }),
      }),
    onSuccess: (_, decision) =>
      notify((decision === 'approve' ? texts.approvedNotice : texts.rejectedNotice)(application.firm_name)),
  })
  const approve = () => {
    if (!deciding.isPending) deciding.mutate('approve')
  }
  const startRejecting = () => setRejecting(true)
  // No key approves: it decides on a whole firm, and nothing takes it back.
  useShortcuts(isRejecting ? {} : { r: startRejecting })
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (isRejecting) deciding.mutate('reject')
  }
  return (
    <form className="reject" onSubmit={send}>
      <Trouble error={deciding.error} firmId={application.firm_id} />
      {isRejecting ? <Words label={texts.reasonForFirm} value={reason} onChange={setReason} isFirst /> : null}
      <Words label={texts.notesForPlatform} value={notes} onChange={setNotes} />
      <span className="actions">
        {isRejecting ? (
          <>
            <Button type="submit" color="red.8" loading={deciding.isPending}>
              {texts.reject}
            </Button>
            <Button variant="default" onClick={() => setRejecting(false)}>
              {review.cancel}
            </Button>
          </>
        ) : (
          <>
            <Confirm
              label={texts.approve}
              question={texts.approveQuestion(application.firm_name)}
              isPending={deciding.isPending}
              error={null}
              run={approve}
            />
            <Button variant="default" aria-keyshortcuts="r" onClick={startRejecting}>
              {review.reject} <kbd aria-hidden="true">r</kbd>
            </Button>
          </>
        )}
      </span>
    </form>
  )
}

/** Somebody else was faster: the person sees what is there now. */
function Trouble({ error, firmId }: { error: Error | null; firmId: string }) {
  const { review: texts } = useTexts()
  if (error === null) return null
  const isChanged = error instanceof Failure && error.code === 'conflict'
  return (
    <ProblemBox error={error}>
      {isChanged ? <Button onClick={() => void refreshFirm(firmId)}>{texts.showAgain}</Button> : null}
    </ProblemBox>
  )
}

type WordsProps = { label: string; value: string; onChange: (value: string) => void; isFirst?: boolean }

/** `isFirst`: needed, and gets the focus. */
function Words({ label, value, onChange, isFirst = false }: WordsProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (isFirst) field.current?.focus()
  }, [isFirst])
  return (
    <label className="field">
      <span>{label}</span>
      <textarea
        ref={field}
        rows={2}
        maxLength={2000}
        required={isFirst}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  )
}
