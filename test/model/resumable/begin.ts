import * as fc from 'fast-check'
import { sql } from 'kysely'

import { type Answer, offsetOf } from '../../resumable/call-uploads.ts'
import { noteLastByte, noteRejected } from '../notes/note-resumable.ts'
import { noteVirus } from '../notes/note-scans.ts'
import { bothStores, storesOfNewFile } from '../notes/note-stores.ts'
import { cast, people } from '../state/cast.ts'
import { type Format, soundFormats } from '../state/formats.ts'
import { differs, nameOf } from '../state/model.ts'
import { defects, type Resumable, type ResumableWish } from '../state/resumable.ts'
import { fileOf } from '../state/sound-file.ts'
import { type Real, sizeInWords, type Verb, verb } from '../state/verb.ts'
import { documentTypes, keys } from '../verbs/upload.ts'
import { answerOrLoss, type At, clientOf, noteAnswer } from './look.ts'
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

const begun = fc.record({
  by: fc.constantFrom(...people),
  documentType: fc.constantFrom(...documentTypes),
  format: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<Format[]>(...soundFormats) },
    { weight: 1, arbitrary: fc.constant<Format>('virus') },
  ),
  // On S3: one rest, two rests of a part, a part and a rest, several parts.
  bytes: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(900, 12_000, 300_000) },
    { weight: 2, arbitrary: fc.constant(6_000_000) },
    { weight: 1, arbitrary: fc.constant(17 * 2 ** 20) },
  ),
  seed: fc.nat({ max: 3 }),
  key: fc.option(fc.constantFrom(...keys), { freq: 1, nil: undefined }),
  defect: fc.oneof(
    { weight: 5, arbitrary: fc.constant<'none'>('none') },
    { weight: 1, arbitrary: fc.constantFrom(...defects) },
  ),
})
const firstPiece = fc.constantFrom('nothing' as const, 'nothing' as const, 'half' as const, 'all' as const)
type Begin = { wish: ResumableWish; piece: 'nothing' | 'half' | 'all'; during: Meanwhile }

/** Begins a resumable upload, with or without a first piece. */
export const beginVerb: fc.Arbitrary<Verb> = fc
  .record({ wish: begun, piece: firstPiece, during: meanwhile })
  .map((begin) =>
    verb({
      words: `${wordsOf(begin)}${meanwhileInWords(begin.during)}`,
      canRun: (model) => model.isServing && canHappen(model, begin.during),
      run: async (model, real) => beginAndNote({ model, real }, begin),
    }),
  )

function wordsOf({ wish, piece }: Begin): string {
  const { by, documentType, format, bytes, seed, key, defect } = wish
  const under = key === undefined ? '' : ` under key ${key}`
  const declared = defect === 'none' ? '' : ` with ${defect}`
  return `${by} begins to upload ${format} ${seed} of ${sizeInWords(bytes)} as ${documentType}${under}${declared}, and sends ${piece}`
}

/** The upload before its first answer. Its name is its own. */
export function prepare({ model, real }: At, wish: ResumableWish): Resumable {
  const moment = (model.moment += 1)
  const { by, documentType, key, defect } = wish
  const { bytes, hasVirus, ...facts } = fileOf(real, { ...wish, name: `in pieces ${moment}` })
  if (hasVirus) noteVirus(model, facts.sha256)
  const fileName =
    defect === 'another format' ? `${facts.fileName}.${wish.format === 'png' ? 'pdf' : 'png'}` : facts.fileName
  const uploadedBy = real.people[by].id
  return {
    wish,
    content: bytes,
    file: { ...facts, fileName, by, documentType, fileSize: bytes.length, uploadedBy, key, moments: [moment, moment] },
    address: '',
    stores: bothStores,
    range: [0, 0],
    end: undefined,
    isGone: 'no',
    doubt: undefined,
    mayEndSince: undefined,
  }
}

export async function sendBeginning(real: Real, { file, wish, content }: Resumable, pieceBytes: number) {
  return clientOf(real, file.by).begin(content.length, {
    fileName: file.fileName,
    documentType: file.documentType,
    metadata: {
      ...(file.key !== undefined && { idempotency_key: file.key }),
      ...(wish.defect === 'another hash' && { sha256: '0'.repeat(64) }),
    },
    ...(pieceBytes > 0 && { piece: content.subarray(0, pieceBytes) }),
  })
}

const shares = { nothing: 0, half: 0.5, all: 1 }

async function beginAndNote(at: At, { wish, piece, during }: Begin): Promise<string> {
  const { model, real } = at
  const upload = prepare(at, wish)
  const before = storesOfNewFile(model.s3)
  const pieceBytes = Math.floor(upload.content.length * shares[piece])
  if (piece === 'all') noteLastByte(model, upload)
  else upload.range = [0, pieceBytes]
  const answering = answerOrLoss(sendBeginning(real, upload, pieceBytes))
  const { came, conditions } = await whileFault(at, during, { answering, address: undefined })
  if ('lost' in came) {
    // The client does not know the address. A complete upload may still become a document.
    if (model.isServing) differs(`${nameOf(upload.file)} did not begin: ${came.lost}`)
    return `no answer (${came.lost})`
  }
  if (during === undefined) upload.stores = before
  return noteBegun(at, upload, { answer: came, pieceBytes, conditions })
}

type Begun = { answer: Answer; pieceBytes: number; conditions: Conditions }

async function noteBegun(at: At, upload: Resumable, { answer, pieceBytes, conditions }: Begun): Promise<string> {
  const { model, real } = at
  const { status, code, headers } = answer
  if (status !== 201) {
    if (pieceBytes < upload.file.fileSize) differs(`${nameOf(upload.file)} did not begin: ${status} ${code}`)
    noteRejected(model, upload, { status, code })
    return `${status} ${code}`
  }
  await remember(at, upload, answer)
  const isDone = headers.has('content-location')
  const mayBeLess = conditions.mayFail && upload.stores.includes('s3')
  if (!isDone && !mayBeLess && offsetOf(answer) !== pieceBytes)
    differs(`${nameOf(upload.file)} began with ${offsetOf(answer)} bytes instead of ${pieceBytes}`)
  return noteAnswer({ model, real }, upload, answer, fateOfEnd(model, upload, conditions))
}

/** From now on its client continues it. */
export async function remember({ model, real }: At, upload: Resumable, { headers }: Answer): Promise<void> {
  upload.address = new URL(headers.get('location') ?? '', real.world.url).href
  model.firms[cast[upload.file.by].firm].resumable.push(upload)
  const { rows } = await sql<{ blob: string }>`
    select blob_id as blob from document_uploads where id = ${idOf(upload.address)}`.execute(real.world.db)
  for (const { blob } of rows) real.resumableBlobs.add(blob)
}
