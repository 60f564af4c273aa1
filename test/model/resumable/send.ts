import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'
import { sql } from 'kysely'

import { type Answer, offsetOf } from '../../resumable/call-uploads.ts'
import { sendPart } from '../../resumable/send-part.ts'
import { noteLastByte } from '../notes/note-resumable.ts'
import { type FirmName, firmNames } from '../state/cast.ts'
import { differs, nameOf } from '../state/model.ts'
import { hasResumable, mayEnd, pickResumable, type Resumable } from '../state/resumable.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'
import { answerOrLoss, type At, clientOf, isOver, isUncertain, look, noteAnswer } from './look.ts'
import {
  canHappen,
  type Conditions,
  fateOfEnd,
  idOf,
  type Meanwhile,
  meanwhile,
  meanwhileInWords,
  whileFault,
} from './meanwhile.ts'

const shares = { 'one byte': 0, half: 0.5, 'all but a byte': 1, 'the rest': 2 } as const
export type Share = keyof typeof shares

type Sending = { firm: FirmName; which: number; share: Share; how: 'whole' | 'cut' | 'wrong offset'; during: Meanwhile }

/** Its client sends the next piece, whole or cut off, or one at a wrong offset. */
export const sendVerb: fc.Arbitrary<Verb> = fc
  .record({
    firm: fc.constantFrom(...firmNames),
    which: fc.nat({ max: 9 }),
    share: fc.constantFrom<Share[]>('one byte', 'half', 'all but a byte', 'the rest', 'the rest', 'the rest'),
    how: fc.constantFrom('whole' as const, 'whole' as const, 'whole' as const, 'cut' as const, 'wrong offset' as const),
    during: meanwhile,
  })
  .map((sending) =>
    verb({
      words: wordsOf(sending),
      canRun: (model) => hasResumable(sending.firm)(model) && canHappen(model, duringOf(sending)),
      run: async (model, real) => sendNext({ model, real }, pickResumable(model, sending.firm, sending.which), sending),
    }),
  )

const duringOf = ({ how, during }: Sending) => (how === 'whole' ? during : undefined)

function wordsOf(sending: Sending): string {
  const { firm, which, share, how } = sending
  const piece = how === 'wrong offset' ? 'a piece at a wrong offset' : `${share}${how === 'cut' ? ', cut off,' : ''}`
  return `${piece} of the resumable upload ${which} of ${firm} is sent${meanwhileInWords(duringOf(sending))}`
}

async function sendNext(at: At, upload: Resumable, sending: Sending): Promise<string> {
  const looked = isUncertain(upload) ? await look(at, upload) : ''
  if (isOver(at, upload) || upload.isGone !== 'no') return looked === '' ? sendAgain(at, upload) : looked
  if (sending.how === 'wrong offset') return sendAtWrongOffset(at, upload)
  const range = nextRange(upload, sending.share)
  if (sending.how === 'cut') return cutOff(at, upload, range)
  return sendWhole(at, upload, { range, during: sending.during })
}

/** Its last byte again, as a client that had no answer. */
async function sendAgain(at: At, upload: Resumable): Promise<string> {
  if (upload.isGone !== 'no') return look(at, upload)
  const last = upload.content.length - 1
  const answer = await clientOf(at.real, upload.file.by).send(upload.address, last, upload.content.subarray(last))
  return `again: ${await noteAnswer(at, upload, answer)}`
}

async function sendAtWrongOffset({ real }: At, upload: Resumable): Promise<string> {
  const [least, most] = upload.range
  const wrong = least > 1 ? least - 2 : most + 1
  const { status, code } = await clientOf(real, upload.file.by).send(upload.address, wrong, Buffer.alloc(1))
  if (status !== 409 || code !== 'conflict') differs(`a piece at a wrong offset was answered ${status} ${code}`)
  return '409'
}

export type Range = { from: number; to: number }

/** A complete upload that waits for its end gets its last byte again. */
export function nextRange({ range: [from], content }: Resumable, share: Share): Range {
  const start = Math.min(from, content.length - 1)
  const left = content.length - start
  const length = share === 'all but a byte' ? left - 1 : Math.floor(left * shares[share])
  return { from: start, to: start + Math.min(left, Math.max(1, length)) }
}

type Whole = { range: Range; during: Meanwhile }

async function sendWhole(at: At, upload: Resumable, { range: { from, to }, during }: Whole): Promise<string> {
  const { model, real } = at
  const mayHaveEnded = mayEnd(upload)
  noteSending(at, upload, { from, to })
  const piece = upload.content.subarray(from, to)
  const answering = answerOrLoss(clientOf(real, upload.file.by).send(upload.address, from, piece))
  const { came, conditions } = await whileFault(at, during, { answering, address: upload.address })
  if ('lost' in came) {
    if (model.isServing) differs(`a piece of ${nameOf(upload.file)} had no answer: ${came.lost}`)
    return `no answer (${came.lost})`
  }
  return noteSent(at, upload, { answer: came, to, conditions, mayHaveEnded })
}

export function noteSending({ model }: At, upload: Resumable, { from, to }: Range): void {
  if (to === upload.content.length) {
    // A moment of its own: the document is younger than what was uploaded before.
    if (upload.mayEndSince === undefined) model.moment += 1
    noteLastByte(model, upload)
  } else upload.range = [from, to]
}

export type Sent = { answer: Answer; to: number; conditions: Conditions; mayHaveEnded: boolean }

export async function noteSent(at: At, upload: Resumable, sent: Sent): Promise<string> {
  const { answer, conditions, mayHaveEnded } = sent
  const { status, code } = answer
  if (status === 503 && code === 'store_unavailable') {
    if (!conditions.mayFail || !upload.stores.includes('s3'))
      differs(`a piece of ${nameOf(upload.file)} was answered 503, without a reason`)
    upload.stores = ['s3']
    return '503'
  }
  if (status === 204) notePiece(upload, sent)
  return noteAnswer(at, upload, answer, mayHaveEnded ? undefined : fateOfEnd(at.model, upload, conditions))
}

function notePiece(upload: Resumable, { answer, to, conditions }: Sent): void {
  const { file, stores, content } = upload
  if (conditions.isS3Down) {
    if (!stores.includes('local')) differs(`a piece of ${nameOf(file)} went to S3, which is down`)
    upload.stores = ['local']
  }
  if (to < content.length && offsetOf(answer) !== to)
    differs(`a piece of ${nameOf(file)} up to ${to} was answered ${offsetOf(answer)}`)
  if (to === content.length && !answer.headers.has('content-location'))
    differs(`the last piece of ${nameOf(file)} was answered without a document`)
}

/** The client's connection breaks in the middle of the piece. What arrived stays. */
async function cutOff(at: At, upload: Resumable, { from, to }: Range): Promise<string> {
  const piece = upload.content.subarray(from, to)
  const sentBytes = Math.floor(piece.length / 2)
  const person = at.real.people[upload.file.by]
  if (sentBytes === 0 || mayEnd(upload)) return look(at, upload)
  upload.range = [from, from + sentBytes]
  const open = await sendPart(upload.address, person, { offset: from, piece, sentBytes })
  const state = { isClosed: false }
  void open.closed.then(() => (state.isClosed = true))
  while (!state.isClosed && !(await isAtWork(at.real, upload))) await sleep(2)
  open.cut()
  await open.closed
  return look(at, upload)
}

async function isAtWork({ world }: Real, { address }: Resumable): Promise<boolean> {
  const { rows } = await sql`
    select from document_blobs b join document_uploads u on u.blob_id = b.id
    where u.id = ${idOf(address)} and b.claim_id is not null`.execute(world.db)
  return rows.length > 0
}
