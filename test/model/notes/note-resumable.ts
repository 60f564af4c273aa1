import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { ScanStatus } from '../../../src/vocabulary/vocabulary.ts'
import { differs, type Fate, type KnownDocument, type Model, nameOf } from '../state/model.ts'
import { firmOf, mayEnd, type Resumable } from '../state/resumable.ts'
import { bothStores } from './note-stores.ts'
import { noteConflict, noteTaken } from './note-uploaded.ts'

/** The last byte is sent now. The service may have it, and may finish the upload at any moment, also without its client. */
export function noteLastByte(model: Model, upload: Resumable): void {
  const { file, wish } = upload
  upload.range = [upload.range[0], file.fileSize]
  upload.mayEndSince ??= model.moment
  if (upload.doubt !== undefined || wish.defect !== 'none') return
  const moments: [number, number] = [upload.mayEndSince, Infinity]
  const scans = scansOfLateEnd(model, file.sha256)
  upload.doubt = { ...file, moments, stores: bothStores, scans, mustStand: false, mayCome: true }
  model.firms[firmOf(upload)].doubtful.push(upload.doubt)
}

/** At the end the scanner may be down, or have signatures that it had not before. */
function scansOfLateEnd({ scanner, viruses }: Model, sha256: string): readonly ScanStatus[] {
  if (scanner === 'none') return ['skipped']
  return viruses.has(sha256) ? ['pending'] : ['pending', 'clean']
}

export function dropDoubt(model: Model, upload: Resumable): void {
  const firm = model.firms[firmOf(upload)]
  firm.doubtful = firm.doubtful.filter((doubt) => doubt !== upload.doubt)
  upload.doubt = undefined
}

/** An answer shows how many bytes it has. One byte less than all also means all of them, as long as the end is to come. */
export function noteOffset(model: Model, upload: Resumable, offset: number): void {
  const [least, most] = upload.range
  const { fileSize } = upload.file
  const isLastByte = offset === fileSize - 1 && mayEnd(upload)
  if (upload.end !== undefined || upload.isGone === 'surely')
    differs(`${nameOf(upload.file)} has ended, and goes on at ${offset}`)
  if (!isLastByte && (offset < least || offset > most))
    differs(`${nameOf(upload.file)} has ${offset} bytes, and should have ${least} to ${most}`)
  if (isLastByte) {
    upload.range = [Math.max(least, offset), fileSize]
    return
  }
  upload.range = [offset, offset]
  upload.isGone = 'no'
  dropDoubt(model, upload)
}

type Became = { id: string; fate: Fate | undefined; readFirstVersion: () => Promise<DocumentShape> }

/** An answer names the document that it became. `fate`: if this request finished it, and not an earlier one. */
export async function noteBecame(model: Model, upload: Resumable, { id, fate, readFirstVersion }: Became) {
  const { end, file, isGone } = upload
  if (end?.kind === 'document' && end.id === id && isGone !== 'surely') return
  if (!mayEndNow(upload) || upload.wish.defect !== 'none')
    differs(`${nameOf(file)} became the document ${id}, which nothing allows`)
  dropDoubt(model, upload)
  const { documents, purged } = model.firms[firmOf(upload)]
  const known = [...documents, ...purged].find((each) => each.id === id)
  if (known === undefined) noteNewDocument(model, upload, fate, await readFirstVersion())
  else if (!isOfUpload(known, upload)) differs(`${nameOf(file)} became ${nameOf(known)}`)
  Object.assign(upload, { end: { kind: 'document', id }, isGone: 'no' })
}

function mayEndNow(upload: Resumable): boolean {
  return mayEnd(upload) && upload.isGone !== 'surely'
}

function noteNewDocument(model: Model, { file, mayEndSince }: Resumable, fate: Fate | undefined, shape: DocumentShape) {
  if (fate?.scans.length === 0) differs(`${nameOf(file)}, in which there is a virus, was taken`)
  const late = { stores: bothStores, scans: scansOfLateEnd(model, file.sha256) }
  noteTaken(model, { ...file, moments: [mayEndSince ?? model.moment, model.moment] }, shape, fate ?? late)
}

/** The name of every resumable upload is its own. Under a key another upload may have been first. */
function isOfUpload(known: KnownDocument, { file }: Resumable): boolean {
  const isOfKey = file.key !== undefined && known.key === file.key && known.by === file.by
  return (
    known.sha256 === file.sha256 &&
    known.documentType === file.documentType &&
    (isOfKey || known.fileName === file.fileName)
  )
}

const statusOf = { 'another hash': 422, 'another format': 415 } as const
const codes: Record<number, string[]> = {
  409: ['conflict'],
  415: ['unsupported_type'],
  422: ['validation_failed', 'infected'],
}

type Rejection = { status: number; code: string | undefined }

/** The file was rejected at its end, now or earlier. `code`: undefined without a body. */
export function noteRejected(model: Model, upload: Resumable, { status, code }: Rejection): void {
  const { end, file, isGone } = upload
  const answer = `${status} ${code ?? ''}`
  if (code !== undefined && codes[status]?.includes(code) !== true)
    differs(`${nameOf(file)} was answered ${answer}, which nothing allows`)
  if (end?.kind === 'rejected' && end.status === status && isGone !== 'surely') return
  if (!mayEndNow(upload)) differs(`${nameOf(file)} was answered ${answer}, without a reason`)
  dropDoubt(model, upload)
  noteReason(model, upload, status)
  Object.assign(upload, { end: { kind: 'rejected', status }, isGone: 'no' })
}

function noteReason(model: Model, { file, wish }: Resumable, status: number): void {
  const isOfVirus = status === 422 && model.scanner !== 'none' && model.viruses.has(file.sha256)
  if (isOfVirus) return
  if (wish.defect === 'none' && status === 409) noteConflict(model, file)
  else if (wish.defect === 'none' || statusOf[wish.defect] !== status)
    differs(`${nameOf(file)} was rejected with ${status}, without a defect`)
}

/** 404: the upload is over for its client. The service may have made a document of it earlier, whose result it stored for a day. */
export function noteGone(model: Model, upload: Resumable): void {
  if (upload.isGone === 'no') differs(`${nameOf(upload.file)} is gone, without a reason`)
  if (upload.doubt !== undefined) upload.doubt.mayCome = false
  leave(model, upload)
}

export function forgetResumable(model: Model, upload: Resumable): void {
  dropDoubt(model, upload)
  leave(model, upload)
}

function leave(model: Model, upload: Resumable): void {
  const firm = model.firms[firmOf(upload)]
  firm.resumable = firm.resumable.filter((each) => each !== upload)
}

/** The collector ran as if these hours had passed. A complete upload waits for its end for a week. */
export function noteHoursPassed(model: Model, hours: number, isWhole: boolean): void {
  if (hours < 24) return
  for (const { resumable } of Object.values(model.firms))
    for (const upload of resumable) {
      const isSure = isWhole && !mayEnd(upload)
      if (upload.isGone !== 'surely') upload.isGone = isSure ? 'surely' : 'maybe'
    }
}
