import { z } from 'zod'

import { documentShape, type DocumentShape } from '../../../src/contract/documents.ts'
import { type Answer, callUploads, offsetOf, type Uploads } from '../../resumable/call-uploads.ts'
import { noteBecame, noteGone, noteOffset, noteRejected } from '../notes/note-resumable.ts'
import { cast, type FirmName, type PersonName } from '../state/cast.ts'
import { differs, type Fate, type Model, nameOf } from '../state/model.ts'
import { mayEnd, type Resumable } from '../state/resumable.ts'
import { callAs, type Real } from '../state/verb.ts'
import { causeOf } from '../verbs/upload.ts'

export type At = { model: Model; real: Real }

/** A client of tus, by default at the person's own firm. */
export function clientOf({ world, firms, people }: Real, by: PersonName, firm: FirmName = cast[by].firm): Uploads {
  return callUploads({ url: world.url, firm: firms[firm], person: people[by] })
}

/** Without an answer: why. Only errors of the connection count as lost. */
export async function answerOrLoss(answering: Promise<Answer>): Promise<Answer | { lost: string }> {
  try {
    return await answering
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return { lost: causeOf(error) }
  }
}

/** Its client asks for the offset. The answer decides what is unknown. */
export async function look(at: At, upload: Resumable): Promise<string> {
  const answer = await clientOf(at.real, upload.file.by).view(upload.address)
  return noteAnswer(at, upload, answer)
}

/** An answer about an upload. `fate`: as of `noteBecame`. */
export async function noteAnswer({ model, real }: At, upload: Resumable, answer: Answer, fate?: Fate): Promise<string> {
  const { status, code, headers } = answer
  const id = headers.get('content-location')?.split('/').at(-1)
  if (status === 404) noteGone(model, upload)
  else if (status >= 400) noteRejected(model, upload, { status, code })
  else if (id === undefined) noteOffset(model, upload, offsetOf(answer))
  else {
    if (offsetOf(answer) !== upload.file.fileSize) differs(`${nameOf(upload.file)} ended at ${offsetOf(answer)}`)
    const readFirstVersion = async () => firstVersion(real, upload.file.by, id)
    await noteBecame(model, upload, { id, fate, readFirstVersion })
  }
  return id === undefined ? wordsOf(answer) : `${status}, a document`
}

function wordsOf(answer: Answer): string {
  const { status, code, headers } = answer
  return headers.has('upload-offset') ? `${status}, ${offsetOf(answer)} bytes` : `${status} ${code ?? ''}`.trim()
}

async function firstVersion(real: Real, by: PersonName, id: string): Promise<DocumentShape> {
  const answer = await callAs(real, by, `/${id}/versions`)
  if (answer.status !== 200) return differs(`the document of an upload was answered ${answer.status}`)
  return (
    z
      .array(documentShape)
      .parse(await answer.json())
      .at(-1) ?? differs('the document of an upload has no version')
  )
}

/** Whether the next piece needs a look first. */
export const isUncertain = (upload: Resumable) =>
  upload.range[0] !== upload.range[1] || upload.isGone !== 'no' || mayEnd(upload)

export const isOver = ({ model }: At, upload: Resumable) =>
  upload.end !== undefined || !model.firms[cast[upload.file.by].firm].resumable.includes(upload)
