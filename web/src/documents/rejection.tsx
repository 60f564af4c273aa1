import type { DocumentType } from '../api/queries.ts'
import { Given, useTexts } from '../texts/texts.tsx'

type Props = {
  review: { review_reason: string | null; review_comment: string | null }
  type: DocumentType | undefined
}

/** Why a version was rejected: the reason, and what the reviewer wrote about this file. */
export function Rejection({ review: { review_reason: code, review_comment: comment }, type }: Props) {
  const { checklist } = useTexts()
  const reason = type?.reject_reasons.find((each) => each.code === code)
  return (
    <div className="box box-bad">
      <p className="proof-title">{checklist.reason}</p>
      <p>
        <Given>{reason?.text ?? code}</Given>
      </p>
      {comment === null ? null : (
        <p>
          <Given>{comment}</Given>
        </p>
      )}
    </div>
  )
}
