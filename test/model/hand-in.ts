import { createHash } from 'node:crypto'

import * as fc from 'fast-check'

import { documentShape, type DocumentShape } from '../../src/contract.ts'
import type { StoreName } from '../../src/vocabulary.ts'
import { uploadFile } from '../support/call-documents.ts'
import { makeJpeg, makePdf, makePng } from '../support/make-files.ts'
import {
  cast,
  differs,
  type HandedIn,
  type Model,
  noteConflict,
  noteDoubt,
  noteTaken,
  type PersonName,
  storesOfNewFile,
} from './model.ts'
import { type Real, sizeInWords, type Verb, verb } from './verb.ts'

export const formats = {
  pdf: { make: makePdf, mimeType: 'application/pdf' },
  png: { make: makePng, mimeType: 'image/png' },
  jpg: { make: makeJpeg, mimeType: 'image/jpeg' },
}

export const people = Object.keys(cast) as PersonName[] // its keys are these names

export const documentTypes = ['registration_certificate', 'tax_clearance', 'identity_document']
// Held in memory, all but the last, which goes through the spool and in parts.
const sizes = { small: [900, 12_000], middling: [300_000, 1_200_000], large: [17 * 2 ** 20] }

// Few, so that the same bytes come again.
const seeds = fc.nat({ max: 3 })
/** Few, so that one comes again; not so few that all are soon used. */
export const keys = ['k1', 'k2', 'k3', 'k4', 'k5']

const soundFile = fc.record({
  by: fc.constantFrom(...people),
  documentType: fc.constantFrom(...documentTypes),
  format: fc.constantFrom('pdf' as const, 'png' as const, 'jpg' as const),
  bytes: fc.oneof(
    { withCrossShrink: true },
    { weight: 60, arbitrary: fc.constantFrom(...sizes.small) },
    { weight: 6, arbitrary: fc.constantFrom(...sizes.middling) },
    { weight: 1, arbitrary: fc.constantFrom(...sizes.large) },
  ),
  seed: seeds,
  name: fc.constantFrom('papers', 'Ṱhohoyanḓou 2026', 'a “copy”; of it'),
  key: fc.option(fc.constantFrom(...keys), { freq: 2, nil: undefined }),
})
export type SoundFile = typeof soundFile extends fc.Arbitrary<infer File> ? File : never

/** Somebody in a hurry hands in the same file twice, or another under the same key. */
const twice = fc
  .record({ file: soundFile, key: fc.constantFrom(...keys), bytes: fc.tuple(seeds, seeds) })
  .map(({ file, key, bytes }) => bytes.map((seed) => ({ ...file, key, seed })))

export const soundFiles: fc.Arbitrary<SoundFile[]> = fc.oneof(
  { withCrossShrink: true },
  { weight: 4, arbitrary: fc.array(soundFile, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: twice },
)

export function wordsOf({ by, documentType, format, bytes, seed, key }: SoundFile): string {
  const under = key === undefined ? '' : ` under key ${key}`
  return `${by} hands in ${format} ${seed} of ${sizeInWords(bytes)} as ${documentType}${under}`
}

/** What came of one file that was handed in. */
export type Outcome = { file: HandedIn } & (
  | { kind: 'taken'; document: DocumentShape }
  | { kind: 'conflict' }
  | { kind: 'doubt'; why: 'store_unavailable' | 'lost' }
)

export async function handIn(real: Real, wish: SoundFile, moment: number): Promise<Outcome> {
  const { by, documentType, format, key } = wish
  const bytes = formats[format].make({ bytes: wish.bytes, seed: String(wish.seed) })
  const fileName = `${wish.name}.${format}`
  const person = real.people[by]
  const file: HandedIn = {
    by,
    documentType,
    fileName,
    fileSize: bytes.length,
    mimeType: formats[format].mimeType,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    uploadedBy: person.id,
    key,
    moments: [moment, moment],
  }
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
  const answer = await uploadFile(real.world.url, real.firms[cast[by].firm], person, {
    type: documentType,
    fileName,
    bytes,
    headers,
  })
    .then(async (response) => ({ status: response.status, body: await response.json() }))
    .catch(() => undefined)

  if (answer === undefined) return { file, kind: 'doubt', why: 'lost' }
  switch (answer.status) {
    case 201:
      return { file, kind: 'taken', document: documentShape.parse(answer.body) }
    case 409:
      return { file, kind: 'conflict' }
    case 503:
      return { file, kind: 'doubt', why: 'store_unavailable' }
    default:
      return differs(`a sound file was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  }
}

/** Which outcomes may be, beside `taken` and `conflict`, which the model judges. */
export type Allowed = { stores: readonly StoreName[]; doubts: readonly ('store_unavailable' | 'lost')[] }

/**
 * Files that were handed in at once can have been taken in any order: those that were, count first; then those of which
 * nobody knows; the refused ones saw what the others did.
 */
export function noteOutcomes(model: Model, outcomes: Outcome[], allowed: Allowed): string {
  const order = ['taken', 'doubt', 'conflict'] satisfies Outcome['kind'][]
  for (const outcome of order.flatMap((kind) => outcomes.filter((each) => each.kind === kind)))
    noteOutcome(model, outcome, allowed)
  return outcomes.map(outcomeInWords).join(', ')
}

function noteOutcome(model: Model, outcome: Outcome, { stores, doubts }: Allowed): void {
  const { file, kind } = outcome
  switch (kind) {
    case 'taken':
      noteTaken(model, file, outcome.document, stores)
      return
    case 'conflict':
      noteConflict(model, file)
      return
    case 'doubt':
      if (!doubts.includes(outcome.why)) differs(`${file.by}’s file was answered ${outcome.why}, without a reason`)
      noteDoubt(model, file)
  }
}

/** While nothing changes in the middle: with or without S3 a sound file is taken. */
function allowedNow({ s3 }: Model): Allowed {
  return { stores: storesOfNewFile(s3), doubts: [] }
}

function outcomeInWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'taken':
      return `taken, on ${outcome.document.storage}`
    case 'conflict':
      return '409'
    case 'doubt':
      return outcome.why === 'lost' ? 'no answer' : '503'
  }
}

export const together = (files: SoundFile[]) =>
  files.map(wordsOf).join(files.length === 2 ? ' and, at once, ' : ', at once ')

/** One file, or several at the same moment. */
export const handInVerb: fc.Arbitrary<Verb> = soundFiles.map((files) =>
  verb({
    words: together(files),
    async run(model, real) {
      const moment = (model.moment += 1)
      const outcomes = await Promise.all(files.map((file) => handIn(real, file, moment)))
      return noteOutcomes(model, outcomes, allowedNow(model))
    },
  }),
)
