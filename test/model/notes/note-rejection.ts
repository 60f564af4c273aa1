import { z } from 'zod'

import { type KnownVersion, type Model } from '../state/model.ts'
import { noteGiven } from './note-scans.ts'

const problem = z.object({ code: z.string() })
const scanRefusal = z.enum(['scan_pending', 'quarantined'])

/** Whether a call was rejected because of the scan status of a version. The model decides whether that is allowed. */
export function noteRefusal(model: Model, version: KnownVersion, answer: { status: number; body: unknown }): boolean {
  if (answer.status !== 409) return false
  const { code } = problem.parse(answer.body)
  const refusal = scanRefusal.safeParse(code)
  if (refusal.success) noteGiven(model, version, refusal.data)
  return refusal.success
}
