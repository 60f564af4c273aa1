import * as fc from 'fast-check'
import { z } from 'zod'

import { documentShape } from '../../../src/contract/documents.ts'
import { addVersion } from '../../support/documents/call-versions.ts'
import { hasDocuments, pick } from './browse.ts'
import { cast, people, type PersonName } from '../state/cast.ts'
import { type Format, soundFormats } from '../state/formats.ts'
import { takenInWords } from './upload.ts'
import {
  differs,
  type KnownDocument,
  type KnownVersion,
  type Model,
  nameOf,
  newVersion,
  type VersionFile,
  versionOf,
} from '../state/model.ts'
import { findingsOn, noteGiven, noteVirus, scansOf, servingOf } from '../notes/note-scans.ts'
import { noteShown } from '../notes/note-shown.ts'
import { storesOfNewFile } from '../notes/note-stores.ts'
import { noteRefusal } from '../notes/note-rejection.ts'
import { fileOf } from '../state/sound-file.ts'
import { callAs, type Real, type Verb, verb } from '../state/verb.ts'

/** The versions of a document as the API lists them, newest first. */
export async function lookAtVersions(
  model: Model,
  real: Real,
  by: PersonName,
  document: KnownDocument,
): Promise<string> {
  const answer = await callAs(real, by, `/${document.id}/versions`)
  if (answer.status !== 200) return differs(`versions were answered ${answer.status}: ${await answer.text()}`)
  const shapes = z.array(documentShape).parse(await answer.json())
  if (shapes.length !== document.versions.length)
    differs(`${nameOf(document)} has ${document.versions.length} versions, and ${shapes.length} are listed`)
  for (const [index, shape] of shapes.entries()) noteShown(model, document, shape, shapes.length - index)
  return `${shapes.length} of them`
}

export const versionsVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), which: fc.nat({ max: 20 }) })
  .map(({ by, which }) =>
    verb({
      words: `${by} lists the versions of document ${which}`,
      canRun: hasDocuments(by),
      run: async (model, real) => lookAtVersions(model, real, by, pick(model, by, which)),
    }),
  )

const newer = fc.record({
  by: fc.constantFrom(...people),
  format: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom<Format[]>(...soundFormats) },
    { weight: 1, arbitrary: fc.constant<Format>('virus') },
  ),
  bytes: fc.constantFrom(900, 12_000, 300_000),
  seed: fc.nat({ max: 3 }),
})
type Newer = typeof newer extends fc.Arbitrary<infer Value> ? Value : never

/** Uploads a new file of the same document, or two at once. Both become versions, in any order. */
export const addVersionVerb: fc.Arbitrary<Verb> = fc
  .record({ which: fc.nat({ max: 20 }), first: newer, second: fc.option(newer, { freq: 2, nil: undefined }) })
  .map(({ which, first, second }) => {
    // Both are members of the firm of the document.
    const others = second === undefined ? [] : [{ ...second, by: first.by }]
    const files = [first, ...others]
    return verb({
      words: files
        .map(({ by, format, bytes, seed }) => `${by} adds ${format} ${seed} of ${bytes} bytes to document ${which}`)
        .join(' and, at once, '),
      canRun: hasDocuments(first.by),
      run: async (model, real) => addVersions(model, real, pick(model, first.by, which), files),
    })
  })

async function addVersions(model: Model, real: Real, document: KnownDocument, files: Newer[]): Promise<string> {
  const answers = await Promise.all(files.map(async (file) => send(real, document, file)))
  for (const { hasVirus, file } of answers) if (hasVirus) noteVirus(model, file.sha256)
  if (document.isInTrash) return expectAll(answers, 410)
  const outcomes = answers.map((answer) => noteAnswer(model, answer))
  const taken = outcomes.flatMap(({ file, shape, scans }) => (shape === undefined ? [] : [{ file, shape, scans }]))
  const stores = storesOfNewFile(model.s3)
  for (const { file, shape, scans } of taken.toSorted((a, b) => a.shape.version - b.shape.version)) {
    document.versions.push(newVersion(file, { stores, scans }))
    noteShown(model, document, shape)
  }
  return outcomes
    .map(({ shape }) => (shape === undefined ? 'a virus is found' : `version ${shape.version}, ${takenInWords(shape)}`))
    .join(', ')
}

type Sent = { file: VersionFile; hasVirus: boolean; answer: { status: number; body: unknown } }

async function send(real: Real, { id }: KnownDocument, wish: Newer): Promise<Sent> {
  const { bytes, hasVirus, ...facts } = fileOf(real, wish)
  const to = { firm: real.firms[cast[wish.by].firm], id }
  const person = real.people[wish.by]
  const response = await addVersion(real.world.url, to, person, { fileName: facts.fileName, bytes })
  const file = { ...facts, fileSize: bytes.length, uploadedBy: person.id }
  return { file, hasVirus, answer: { status: response.status, body: await response.json() } }
}

/** Accepted with its scan status, or rejected because of the scan. */
function noteAnswer(model: Model, { file, answer: { status, body } }: Sent) {
  const findings = findingsOn(model, model.scanner, file.sha256)
  const scans = findings.filter((each) => each !== 'infected')
  const isInfected = status === 422 && (body as { code: string }).code === 'infected' // every error has a code
  if (isInfected && findings.includes('infected')) return { file, shape: undefined, scans }
  if (status === 201 && scans.length > 0) return { file, shape: documentShape.parse(body), scans }
  return differs(`a version whose scan is ${findings.join(' or ')} was answered ${status}: ${JSON.stringify(body)}`)
}

/** Restores an old version: its bytes become a new version of this person. */
export const restoreVersionVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), which: fc.nat({ max: 20 }), number: fc.integer({ min: 1, max: 5 }) })
  .map(({ by, which, number }) =>
    verb({
      words: `${by} takes version ${number} of document ${which} up again`,
      canRun: hasDocuments(by),
      async run(model, real) {
        const document = pick(model, by, which)
        const answer = await callAs(real, by, `/${document.id}/versions/${number}/restore`, { method: 'POST' })
        return noteRestored(model, real, { by, document, number }, { status: answer.status, body: await answer.json() })
      },
    }),
  )

type Restoring = { by: PersonName; document: KnownDocument; number: number }

function noteRestored(
  model: Model,
  real: Real,
  { by, document, number }: Restoring,
  { status, body }: { status: number; body: unknown },
): string {
  if (number > document.versions.length) return expectAll([{ answer: { status, body } }], 404)
  if (document.isInTrash) return expectAll([{ answer: { status, body } }], 410)
  const old = versionOf(document, number)
  if (noteRefusal(model, old, { status, body }) || isOutOfReach(model, old, status)) return String(status)
  if (status !== 201) return differs(`to take up a version was answered ${status}: ${JSON.stringify(body)}`)
  noteGiven(model, old, 'given')
  const scans = [model.scanner === 'none' ? 'skipped' : 'clean'] as const
  const file = { ...old, uploadedBy: real.people[by].id }
  document.versions.push(newVersion(file, { stores: storesOfNewFile(model.s3), scans }))
  const shape = documentShape.parse(body)
  noteShown(model, document, shape)
  return `version ${shape.version}, on ${shape.storage}`
}

/** The restore reads the bytes, which may be on their way into quarantine. */
function isOutOfReach(model: Model, old: KnownVersion, status: number): boolean {
  if (status === 410) return scansOf(model, old).includes('infected')
  return status === 503 && model.s3 !== 'up' && old.stores.includes('s3') && servingOf(model, old).may
}

function expectAll(answers: { answer: { status: number; body: unknown } }[], status: number): string {
  const other = answers.find(({ answer }) => answer.status !== status)
  if (other !== undefined)
    differs(`answered ${other.answer.status} instead of ${status}: ${JSON.stringify(other.answer.body)}`)
  return String(status)
}
