import * as fc from 'fast-check'
import { z } from 'zod'

import { documentShape } from '../../src/contract.ts'
import { addVersion } from '../support/call-versions.ts'
import { hasDocuments, pick } from './browse.ts'
import { formats, people } from './hand-in.ts'
import {
  cast,
  differs,
  type KnownDocument,
  type Model,
  nameOf,
  newVersion,
  noteShown,
  type PersonName,
  storesOfNewFile,
  type VersionFile,
  versionOf,
} from './model.ts'
import { fileOf } from './sound-file.ts'
import { callAs, type Real, type Verb, verb } from './verb.ts'

/** Each version of a document as the service shows it, newest first. */
export async function lookAtVersions(real: Real, by: PersonName, document: KnownDocument): Promise<string> {
  const answer = await callAs(real, by, `/${document.id}/versions`)
  if (answer.status !== 200) return differs(`versions were answered ${answer.status}: ${await answer.text()}`)
  const shapes = z.array(documentShape).parse(await answer.json())
  if (shapes.length !== document.versions.length)
    differs(`${nameOf(document)} has ${document.versions.length} versions, and ${shapes.length} are listed`)
  for (const [index, shape] of shapes.entries()) noteShown(document, shape, shapes.length - index)
  return `${shapes.length} of them`
}

export const versionsVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), which: fc.nat({ max: 20 }) })
  .map(({ by, which }) =>
    verb({
      words: `${by} lists the versions of document ${which}`,
      canRun: hasDocuments(by),
      run: async (model, real) => lookAtVersions(real, by, pick(model, by, which)),
    }),
  )

const newer = fc.record({
  by: fc.constantFrom(...people),
  format: fc.constantFrom(...(Object.keys(formats) as (keyof typeof formats)[])), // its keys are these names
  bytes: fc.constantFrom(900, 12_000, 300_000),
  seed: fc.nat({ max: 3 }),
})
type Newer = typeof newer extends fc.Arbitrary<infer Value> ? Value : never

/** A newer file of the same paper, or two at the same moment: both become versions, in whatever order. */
export const addVersionVerb: fc.Arbitrary<Verb> = fc
  .record({ which: fc.nat({ max: 20 }), first: newer, second: fc.option(newer, { freq: 2, nil: undefined }) })
  .map(({ which, first, second }) => {
    // Of the same firm, since it is one document.
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
  const stores = storesOfNewFile(model.s3)
  const answers = await Promise.all(files.map(async (file) => ({ file, answer: await send(real, document, file) })))
  if (document.isInTrash) return expectAll(answers, 410)
  const taken = answers.map(({ file, answer: { status, body } }) => {
    if (status !== 201) return differs(`a sound version was answered ${status}: ${JSON.stringify(body)}`)
    return { file: factsOf(real, file), shape: documentShape.parse(body) }
  })
  for (const { file, shape } of taken.toSorted((a, b) => a.shape.version - b.shape.version)) {
    document.versions.push(newVersion(file, stores))
    noteShown(document, shape)
  }
  return taken.map(({ shape }) => `version ${shape.version}, on ${shape.storage}`).join(', ')
}

async function send({ world, firms, people: persons }: Real, { id }: KnownDocument, file: Newer) {
  const { fileName, bytes } = fileOf(file)
  const to = { firm: firms[cast[file.by].firm], id }
  const response = await addVersion(world.url, to, persons[file.by], { fileName, bytes })
  return { status: response.status, body: await response.json() }
}

function factsOf({ people: persons }: Real, file: Newer): VersionFile {
  const { bytes, ...facts } = fileOf(file)
  return { ...facts, fileSize: bytes.length, uploadedBy: persons[file.by].id }
}

/** An old version is taken up again: its bytes, as a version of whoever did so. */
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
  { s3 }: Model,
  real: Real,
  { by, document, number }: Restoring,
  { status, body }: { status: number; body: unknown },
): string {
  if (number > document.versions.length) return expectAll([{ answer: { status, body } }], 404)
  if (document.isInTrash) return expectAll([{ answer: { status, body } }], 410)
  const old = versionOf(document, number)
  // Its bytes must be read from where they lie.
  if (status === 503 && s3 !== 'up' && old.stores.includes('s3')) return '503'
  if (status !== 201) return differs(`to take up a version was answered ${status}: ${JSON.stringify(body)}`)
  document.versions.push(newVersion({ ...old, uploadedBy: real.people[by].id }, storesOfNewFile(s3)))
  const shape = documentShape.parse(body)
  noteShown(document, shape)
  return `version ${shape.version}, on ${shape.storage}`
}

function expectAll(answers: { answer: { status: number; body: unknown } }[], status: number): string {
  const other = answers.find(({ answer }) => answer.status !== status)
  if (other !== undefined)
    differs(`answered ${other.answer.status} instead of ${status}: ${JSON.stringify(other.answer.body)}`)
  return String(status)
}
