import { setTimeout as sleep } from 'node:timers/promises'

import type { Random } from '../scene/random.ts'
import type { DrawnFile } from './draw-file.ts'
import type { Ledger, SentFile } from './ledger.ts'
import type { Sender } from './make-senders.ts'
import type { Tally } from './tally.ts'

export type PiecesNeeds = {
  ledger: Ledger
  tally: Tally
  /** The address of one of the instances that are up. */
  url: () => Promise<string>
  reportDifference: (what: string) => void
}

/** What a client does before the end: most finish, some leave, and some end their upload. */
type Plan = 'finish' | 'leave_midway' | 'leave_after_last_byte' | 'terminate'

type Reply = { status: number; headers: Headers; text: string }

const maxTries = 400
const breathMs = 60
const maxMsToAnswer = 60_000
const pieceType = 'application/offset+octet-stream'

/**
 * Uploads a file in pieces, each to any of the instances (tus). After an error the client asks for the offset and goes on.
 * An offset that was answered must never go back, and a file whose bytes were all sent becomes one document at most.
 */
export async function sendInPieces(
  needs: PiecesNeeds,
  random: Random,
  { sender, file, sent }: { sender: Sender; file: DrawnFile; sent: SentFile },
): Promise<void> {
  const path = await begin(needs, { sender, file, sent })
  if (path === undefined) return needs.reportDifference(`no upload in pieces could begin in ${maxTries} tries`)
  const upload: Upload = { ...needs, sender, file, sent, path, acknowledged: 0, mayBeGone: false }
  const plan = drawPlan(random)
  for (let tries = 0; tries < maxTries; tries += 1) {
    const turn = await takeTurn(upload, random, plan)
    if (turn === 'over') return
    if (turn === 'again') await sleep(breathMs)
  }
  needs.reportDifference(`an upload in pieces did not end in ${maxTries} tries (${sent.sha256})`)
}

function drawPlan(random: Random): Plan {
  if (random.percent(10)) return 'leave_midway'
  if (random.percent(15)) return 'leave_after_last_byte'
  return random.percent(10) ? 'terminate' : 'finish'
}

type Upload = PiecesNeeds & {
  sender: Sender
  file: DrawnFile
  sent: SentFile
  path: string
  /** The largest offset that was answered. */
  acknowledged: number
  /** A request to end it got no answer. */
  mayBeGone: boolean
}

type Turn = 'on' | 'again' | 'over'

async function takeTurn(upload: Upload, random: Random, plan: Plan): Promise<Turn> {
  const { file, reportDifference } = upload
  const seen = await ask(upload, 'HEAD')
  if (seen === undefined) return 'again'
  if (seen.status === 404 && upload.mayBeGone) return 'over'
  if (seen.status !== 200) return stopWith(reportDifference, `the offset of an upload was answered ${seen.status}`)
  const offset = Number(seen.headers.get('upload-offset'))
  // Until the document exists, one byte less than all.
  if (offset < Math.min(upload.acknowledged, file.bytes.length - 1))
    return stopWith(reportDifference, `an offset went back from ${upload.acknowledged} to ${offset}`)
  return noteEnd(upload, seen) ? 'over' : await goOn(upload, random, { offset, plan })
}

async function goOn(upload: Upload, random: Random, at: { offset: number; plan: Plan }): Promise<Turn> {
  const { offset, plan } = at
  if (offset > 0 && plan === 'leave_midway') return 'over'
  if (offset > 0 && plan === 'terminate') return await terminate(upload)
  if (random.percent(5)) await sendAtWrongOffset(upload, offset)
  return await sendPiece(upload, random, at)
}

function stopWith(reportDifference: (what: string) => void, what: string): Turn {
  reportDifference(what)
  return 'over'
}

async function sendPiece(upload: Upload, random: Random, at: { offset: number; plan: Plan }): Promise<Turn> {
  const { file, ledger, sent } = upload
  const { offset, plan } = at
  const left = file.bytes.length - offset
  const length = drawLength(random, left, plan)
  if (length === left) ledger.noteSent(sent)
  const answering = ask(upload, 'PATCH', { offset, piece: file.bytes.subarray(offset, offset + length) })
  if (plan === 'leave_after_last_byte' && length === left) return answering.then(() => 'over')
  const answer = await answering
  return answer === undefined ? 'again' : noteSentPiece(upload, answer, offset + length)
}

/** Who leaves midway, or ends the upload, sends at most half of what is missing. */
function drawLength(random: Random, left: number, plan: Plan): number {
  const isPartial = (plan === 'leave_midway' || plan === 'terminate') && left > 1
  if (isPartial) return random.between(1, Math.floor(left / 2))
  return random.percent(50) ? left : random.between(1, left)
}

function noteSentPiece(upload: Upload, answer: Reply, end: number): Turn {
  if (answer.status === 409) return 'again'
  if (answer.status !== 204)
    return stopWith(upload.reportDifference, `a sound piece was answered ${answer.status} ${answer.text}`)
  upload.acknowledged = Number(answer.headers.get('upload-offset'))
  if (upload.acknowledged !== end)
    return stopWith(upload.reportDifference, `${end} bytes were answered as ${upload.acknowledged}`)
  return noteEnd(upload, answer) ? 'over' : 'on'
}

async function sendAtWrongOffset(upload: Upload, offset: number): Promise<void> {
  const answer = await ask(upload, 'PATCH', { offset: offset + 2, piece: Buffer.alloc(1) })
  if (answer !== undefined && answer.status !== 409 && answer.status !== 413)
    upload.reportDifference(`a piece at a wrong offset was answered ${answer.status}`)
}

async function terminate(upload: Upload): Promise<Turn> {
  const ended = await ask(upload, 'DELETE')
  if (ended === undefined) {
    upload.mayBeGone = true
    return 'again'
  }
  // A request whose connection to the database broke has the claim for a minute.
  if (ended.status === 409) return 'again'
  if (ended.status !== 204)
    return stopWith(upload.reportDifference, `the end of an upload was answered ${ended.status} ${ended.text}`)
  const seen = await ask(upload, 'HEAD')
  if (seen !== undefined && seen.status !== 404)
    return stopWith(upload.reportDifference, `a terminated upload was answered ${seen.status}`)
  return 'over'
}

/** Whether the upload became a document. */
function noteEnd({ ledger, tally, file, sent, reportDifference }: Upload, { headers }: Reply): boolean {
  const documentId = headers.get('content-location')?.split('/').at(-1)
  if (documentId === undefined) return false
  if (Number(headers.get('upload-offset')) !== file.bytes.length) reportDifference('a document without its last byte')
  const others = ledger.noteAnswered(sent, documentId)
  if (others.length > 0) reportDifference(`one upload became two documents: ${documentId} and ${others.join()}`)
  tally.finishedInPieces()
  return true
}

type Begun = { sender: Sender; file: DrawnFile; sent: SentFile }

async function begin(needs: PiecesNeeds, { sender, file, sent }: Begun): Promise<string | undefined> {
  const metadata = {
    filename: 'document.pdf',
    document_type: 'registration_certificate',
    ...(sent.idempotencyKey !== undefined && { idempotency_key: sent.idempotencyKey }),
  }
  const headers = {
    'upload-length': String(file.bytes.length),
    'upload-metadata': Object.entries(metadata)
      .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
      .join(),
  }
  for (let tries = 0; tries < maxTries; tries += 1) {
    const path = `/api/v1/security-firms/${sender.firmId}/uploads`
    const answer = await askAt(needs, { sender, path, method: 'POST', headers })
    if (answer?.status === 201) return answer.headers.get('location') ?? undefined
    if (answer !== undefined) needs.reportDifference(`a sound upload was answered ${answer.status} ${answer.text}`)
    await sleep(breathMs)
  }
  return undefined
}

type Piece = { offset: number; piece: Buffer }

async function ask(upload: Upload, method: 'HEAD' | 'PATCH' | 'DELETE', sent?: Piece): Promise<Reply | undefined> {
  const { sender, path } = upload
  const headers: Record<string, string> =
    sent === undefined ? {} : { 'upload-offset': String(sent.offset), 'content-type': pieceType }
  return await askAt(upload, { sender, path, method, headers, body: sent?.piece })
}

type Asked = {
  sender: Sender
  path: string
  method: string
  headers: Record<string, string>
  body?: Buffer | undefined
}

/** Undefined without an answer, and for one that promises nothing. */
async function askAt(
  { tally, url }: PiecesNeeds,
  { sender, path, method, headers, body }: Asked,
): Promise<Reply | undefined> {
  const address = `${await url()}${path}`
  try {
    const response = await fetch(address, {
      method,
      headers: { ...sender.headers, 'tus-resumable': '1.0.0', ...headers },
      ...(body && { body: Uint8Array.from(body) }),
      signal: AbortSignal.timeout(maxMsToAnswer),
    })
    const text = await response.text()
    if (response.status < 500 && response.status !== 429)
      return { status: response.status, headers: response.headers, text }
    tally.count({ kind: 'unknown', why: `${response.status} ${text}` })
  } catch (error) {
    tally.count({ kind: 'unknown', why: String(error) })
  }
  return undefined
}
