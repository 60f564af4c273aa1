import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react'

import { queryClient } from '../api/client.ts'
import { Failure } from '../api/problem.ts'
import { type StoredDocument, useType } from '../api/queries.ts'
import { useNotify } from '../app/notices.tsx'
import { ProblemBox } from '../parts/problem-box.tsx'
import { useShortcuts } from '../parts/shortcuts.ts'
import { useTexts } from '../texts/texts.tsx'
import { isJustDecided, rememberDecision } from './last-decision.ts'
import { isWorking, useOpening, useUndo, workKey } from './next-document.ts'
import { RejectForm } from './reject-form.tsx'
import { decide, type Decision, deskQuery } from './review-queries.ts'
import { lookIsOver } from './still-mine.ts'
import { useValidUntil } from './valid-until.tsx'

type Props = {
  document: StoredDocument
  /** The state that the reviewer sees. */
  tag: string
  isDecided: boolean
  /** Whether the document has been in sight long enough to be decided on. */
  isInSight: boolean
  onDecided: () => void
  /** Other buttons of the same row. */
  actions: ReactNode
}

/** Accepts or rejects what the reviewer sees, by button or key. A decision that was made is changed with a comment. */
export function DecisionPanel({ document, tag, isDecided, isInSight, onDecided, actions }: Props) {
  const { review: texts } = useTexts()
  const type = useType(document.document_type)
  const place = { firmId: document.firm_id, documentId: document.id }
  const notify = useNotify()
  const [isRejecting, setRejecting] = useState(false)
  const [comment, setComment] = useState(() => (isDecided && isJustDecided(place) ? texts.undoComment : ''))
  const deciding = useDecision({ document, tag, onDecided })
  const validUntil = useValidUntil(type, isDecided ? document.valid_until : null)
  const decideIfIdle = (decision: Decision) => {
    if (isWorking()) return
    if (isInSight) deciding.mutate({ ...decision, ...words(comment) })
    else notify(texts.notShownYet)
  }
  const accept = () => {
    const day = validUntil.read()
    if (day !== undefined) decideIfIdle({ decision: 'verify', ...(day !== '' && { valid_until: day }) })
  }
  const startRejecting = () => setRejecting(true)
  useShortcuts(isRejecting ? {} : { a: accept, r: startRejecting })

  return (
    <section className="box decision" aria-label={texts.decision} data-ready={isInSight}>
      <h2>{texts.decision}</h2>
      {isDecided ? <Decided document={document} /> : null}
      <DecisionError error={deciding.error} place={place} />
      {isRejecting ? (
        <RejectForm
          reasons={type?.reject_reasons ?? []}
          comment={comment}
          onComment={setComment}
          needsComment={isDecided}
          isPending={deciding.isPending}
          onReject={(code) => decideIfIdle({ decision: 'reject', reason_code: code })}
          onCancel={() => setRejecting(false)}
        />
      ) : (
        <>
          {isDecided ? <ChangeComment comment={comment} onComment={setComment} /> : null}
          {validUntil.fieldFor(accept)}
          <span className="actions">
            <Button color="paniq" aria-keyshortcuts="a" loading={deciding.isPending} onClick={accept}>
              {texts.accept} <kbd aria-hidden="true">a</kbd>
            </Button>
            <Button variant="default" aria-keyshortcuts="r" onClick={startRejecting}>
              {texts.reject} <kbd aria-hidden="true">r</kbd>
            </Button>
            {actions}
          </span>
        </>
      )}
    </section>
  )
}

function words(comment: string): { comment?: string } {
  return comment.trim() === '' ? {} : { comment: comment.trim() }
}

/** Sends a decision, offers to undo it, and goes on. */
function useDecision({ document, tag, onDecided }: Pick<Props, 'document' | 'tag' | 'onDecided'>) {
  const { review: texts } = useTexts()
  const notify = useNotify()
  const undo = useUndo()
  const openAgain = useOpening()
  const isShown = useIsShown()
  const place = { firmId: document.firm_id, documentId: document.id }
  return useMutation({
    mutationKey: workKey,
    mutationFn: async (decision: Decision) => {
      await lookIsOver()
      await decide(document, tag, decision)
    },
    onSuccess: (_, { decision }) => {
      rememberDecision(place)
      const notice = decision === 'verify' ? texts.acceptedNotice : texts.rejectedNotice
      notify(notice(document.file_name), undo, texts.changeIt)
      // A person who has left by a link stays where they are.
      if (isShown.current) onDecided()
    },
    onError: () => {
      // Otherwise the panel has the error.
      if (!isShown.current) notify(texts.notDecided(document.file_name), () => openAgain(place), texts.openAgain)
    },
  })
}

/** Whether the component is in the view: requests end later than views. */
function useIsShown(): { readonly current: boolean } {
  const isShown = useRef(false)
  useEffect(() => {
    isShown.current = true
    return () => {
      isShown.current = false
    }
  }, [])
  return isShown
}

type ErrorProps = { error: Error | null; place: { firmId: string; documentId: string } }

/** Somebody else was faster: nothing was overwritten, and the person sees what is there now. */
function DecisionError({ error, place }: ErrorProps) {
  const { review: texts } = useTexts()
  if (error === null) return null
  const isChanged = error instanceof Failure && error.code === 'precondition_failed'
  const show = () => void queryClient.resetQueries({ queryKey: deskQuery(place).queryKey })
  if (!isChanged) return <ProblemBox error={error} />
  return (
    <div className="box box-warn" role="alert">
      <p className="proof-title">{texts.changedTitle}</p>
      <p>{texts.changed}</p>
      <Button onClick={show}>{texts.showAgain}</Button>
    </div>
  )
}

function Decided({ document }: { document: StoredDocument }) {
  const { review: texts } = useTexts()
  const place = { firmId: document.firm_id, documentId: document.id }
  return (
    <>
      <p>
        {document.review_status === 'verified' ? texts.isAccepted : texts.isRejected}
        {isJustDecided(place) ? ` ${texts.notSentYet}` : null}
      </p>
      <p className="hint">{texts.staysDecided}</p>
    </>
  )
}

function ChangeComment({ comment, onComment }: { comment: string; onComment: (comment: string) => void }) {
  const { review: texts } = useTexts()
  return (
    <label className="field">
      <span>{texts.changeComment}</span>
      <textarea value={comment} maxLength={2000} rows={2} onChange={(event) => onComment(event.currentTarget.value)} />
    </label>
  )
}

/** Nobody judges a document faster. A key or a click before that was meant for the document that was here. */
const glanceMs = 400

/**
 * Whether the version with this name has been in sight long enough to be decided on. `onReady` takes the name of the version that
 * can be seen, or that this page cannot show.
 */
export function useInSight(name: string | undefined): { isInSight: boolean; onReady: (name: string) => void } {
  const [ready, setReady] = useState<string>()
  const [seen, setSeen] = useState<string>()
  useEffect(() => {
    const timer = setTimeout(() => setSeen(ready), glanceMs)
    return () => clearTimeout(timer)
  }, [ready])
  const onReady = useCallback((shown: string) => setReady(shown), [])
  return { isInSight: name !== undefined && seen === name, onReady }
}
