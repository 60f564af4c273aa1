import * as fc from 'fast-check'

import { documentShape, type DocumentShape } from '../../../src/contract/documents.ts'
import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import { problemOf, uploadFile } from '../../support/documents/call-documents.ts'
import { cast, people } from '../state/cast.ts'
import { type Format, soundFormats } from '../state/formats.ts'
import { differs, type Uploaded, type Model, type ScannerState } from '../state/model.ts'
import { findingsOn, noteVirus } from '../notes/note-scans.ts'
import { storesOfNewFile } from '../notes/note-stores.ts'
import { noteConflict, noteDoubt, noteTaken } from '../notes/note-uploaded.ts'
import { fileOf } from '../state/sound-file.ts'
import { type Real, sizeInWords, type Verb, verb } from '../state/verb.ts'

export const documentTypes = ['registration_certificate', 'vat_certificate', 'insurance_certificate']
// All fit into memory except the last, which goes through the spool and in parts.
const sizes = { small: [900, 12_000], middling: [300_000, 1_200_000], large: [17 * 2 ** 20] }

// Few, so that the same content repeats.
const seeds = fc.nat({ max: 3 })
/** Few, so that a key repeats, but not so few that all are used soon. */
export const keys = ['k1', 'k2', 'k3', 'k4', 'k5']

export const soundFile = fc.record({
  by: fc.constantFrom(...people),
  documentType: fc.constantFrom(...documentTypes),
  format: fc.constantFrom<Format[]>(...soundFormats),
  bytes: fc.oneof(
    { withCrossShrink: true },
    { weight: 60, arbitrary: fc.constantFrom(...sizes.small) },
    { weight: 6, arbitrary: fc.constantFrom(...sizes.middling) },
    { weight: 1, arbitrary: fc.constantFrom(...sizes.large) },
  ),
  seed: seeds,
  name: fc.constantFrom('documents', 'Ṱhohoyanḓou 2026', 'a “copy”; of it'),
  key: fc.option(fc.constantFrom(...keys), { freq: 2, nil: undefined }),
})
export type SoundFile = typeof soundFile extends fc.Arbitrary<infer File> ? File : never

/** Two concurrent uploads: the same file twice, or two files under the same key. */
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
  return `${by} uploads ${format} ${seed} of ${sizeInWords(bytes)} as ${documentType}${under}`
}

/** The outcome of one upload. */
export type Outcome = { file: Uploaded; hasVirus: boolean } & (
  | { kind: 'taken'; document: DocumentShape }
  | { kind: 'conflict' }
  | { kind: 'infected' }
  | { kind: 'doubt'; why: 'store_unavailable' | 'lost'; cause: string }
)

export async function upload(real: Real, wish: SoundFile, moment: number): Promise<Outcome> {
  const { by, documentType, key } = wish
  const { bytes, hasVirus, ...facts } = fileOf(real, wish)
  const person = real.people[by]
  const file: Uploaded = {
    ...facts,
    by,
    documentType,
    fileSize: bytes.length,
    uploadedBy: person.id,
    key,
    moments: [moment, moment],
  }
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
  const sending = uploadFile(real.world.url, real.firms[cast[by].firm], person, {
    type: documentType,
    fileName: file.fileName,
    bytes,
    headers,
  })
  try {
    return { file, hasVirus, ...(await outcomeOf(await sending)) }
  } catch (error) {
    // Only errors of the connection count as lost. A wrong answer is a difference.
    if (!(error instanceof TypeError)) throw error
    return { file, hasVirus, kind: 'doubt', why: 'lost', cause: causeOf(error) }
  }
}

type Came = Outcome extends infer Each ? (Each extends Outcome ? Omit<Each, 'file' | 'hasVirus'> : never) : never

async function outcomeOf(answer: Response): Promise<Came> {
  if (answer.status === 201) return { kind: 'taken', document: documentShape.parse(await answer.json()) }
  const problem = await problemOf(answer)
  if (answer.status === 409 && problem.code === 'conflict') return { kind: 'conflict' }
  if (answer.status === 422 && problem.code === 'infected') return { kind: 'infected' }
  if (answer.status === 503) return { kind: 'doubt', why: 'store_unavailable', cause: problem.detail }
  return differs(`a sound file was answered ${answer.status}: ${JSON.stringify(problem)}`)
}

export function causeOf(error: TypeError): string {
  const { cause } = error
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message
}

/**
 * The possible outcomes besides `taken` and `conflict`, which the model decides. `scanner`: its state during the
 * upload.
 */
export type Allowed = {
  stores: readonly StoreName[]
  doubts: readonly ('store_unavailable' | 'lost')[]
  scanner: ScannerState
}

/**
 * Files that were uploaded at once may be stored in any order. Accepted uploads are noted first, then those with an
 * unknown outcome. Rejected ones saw the effects of both.
 */
export function noteOutcomes(model: Model, outcomes: Outcome[], allowed: Allowed): string {
  for (const { file, hasVirus } of outcomes) if (hasVirus) noteVirus(model, file.sha256)
  const order = ['taken', 'doubt', 'conflict', 'infected'] satisfies Outcome['kind'][]
  // The first upload under a key, which gives the document its name, before its replays.
  const firstOnes = outcomes.toSorted((a, b) => Number(isAnothers(a)) - Number(isAnothers(b)))
  for (const outcome of order.flatMap((kind) => firstOnes.filter((each) => each.kind === kind)))
    noteOutcome(model, outcome, allowed)
  return outcomes.map(outcomeInWords).join(', ')
}

function isAnothers(outcome: Outcome): boolean {
  return outcome.kind === 'taken' && outcome.document.file_name !== outcome.file.fileName
}

function noteOutcome(model: Model, outcome: Outcome, { stores, doubts, scanner }: Allowed): void {
  const { file, kind } = outcome
  const findings = findingsOn(model, scanner, file.sha256)
  const fate = { stores, scans: findings.filter((each) => each !== 'infected') }
  const isRefused = fate.scans.length === 0
  switch (kind) {
    case 'taken':
      if (isRefused) differs(`${file.by}’s file, in which there is a virus, was taken`)
      noteTaken(model, file, outcome.document, fate)
      return
    case 'conflict':
      if (isRefused) differs(`${file.by}’s file, in which there is a virus, was answered 409`)
      noteConflict(model, file)
      return
    case 'infected':
      if (!findings.includes('infected')) differs(`a virus was found in ${file.by}’s file, where there is none`)
      return
    case 'doubt':
      if (!doubts.includes(outcome.why))
        differs(`${file.by}’s file was answered ${outcome.why}, without a reason (${outcome.cause})`)
      if (!isRefused) noteDoubt(model, file, fate)
  }
}

/** Without a fault during the upload, a valid file is accepted with or without S3. */
function allowedNow({ s3, scanner }: Model): Allowed {
  return { stores: storesOfNewFile(s3), doubts: [], scanner }
}

function outcomeInWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'taken':
      return takenInWords(outcome.document)
    case 'conflict':
      return '409'
    case 'infected':
      return 'a virus is found'
    case 'doubt':
      return outcome.why === 'lost' ? `no answer (${outcome.cause})` : '503'
  }
}

export function takenInWords({ storage, scan_status: scan }: DocumentShape): string {
  return `taken, on ${storage}${scan === 'pending' ? ', to be scanned' : ''}`
}

export const together = (files: SoundFile[]) =>
  files.map(wordsOf).join(files.length === 2 ? ' and, at once, ' : ', at once ')

/** Uploads one file, or several at once. */
export const uploadVerb: fc.Arbitrary<Verb> = soundFiles.map((files) => uploadNow(files))

export function uploadNow(files: SoundFile[], canRun?: (model: Model) => boolean): Verb {
  return verb({
    words: together(files),
    ...(canRun && { canRun }),
    async run(model, real) {
      const moment = (model.moment += 1)
      const outcomes = await Promise.all(files.map((file) => upload(real, file, moment)))
      return noteOutcomes(model, outcomes, allowedNow(model))
    },
  })
}

/** Uploads files with the test virus, one or several at once. */
export const infectedVerb: fc.Arbitrary<Verb> = soundFiles.map((files) =>
  uploadNow(
    files.map((file, index) => (index === 0 ? { ...file, format: 'virus' as const } : file)),
    ({ isServing, scanner }) => isServing && scanner !== 'none',
  ),
)
