import { parse } from 'content-disposition'
import * as fc from 'fast-check'
import { z } from 'zod'

import { documentShape, type DocumentShape } from '../../../src/contract/documents.ts'
import { callDocuments } from '../../support/documents/call-documents.ts'
import { fillIn } from '../inputs/fill-in.ts'
import { frame } from '../inputs/frames.ts'
import type { FuzzScene } from '../scene/fuzz-scene.ts'
import { places } from '../scene/fuzz-world.ts'
import { type Answer, readAnswers } from '../scene/http-answers.ts'
import { judgeAnswer } from '../scene/judge-answer.ts'
import { type Form, nearValidForm } from '../inputs/near-valid-forms.ts'
import { mostly } from '../inputs/odd-text.ts'
import { refute } from '../scene/refute.ts'
import type { Batch, Try } from '../scene/run-batches.ts'
import { cutAt, sendBytes } from '../scene/send-bytes.ts'
import { sha256Of } from '../../support/files/sha256-of.ts'

const options = fc.record({
  form: nearValidForm,
  frame,
  path: fc.constantFrom('documents?document_type=tax_clearance', 'documents/⟦document⟧/versions'),
  /** Whether the hash is sent, and right. */
  hash: mostly(4, fc.constant(undefined), fc.constantFrom('right', 'wrong')),
  key: mostly(4, fc.constant(undefined), fc.constantFrom('key-1', 'key-2')),
  cuts: fc.array(fc.nat(1000), { maxLength: 4 }),
  goes: mostly(12, fc.constant(false), fc.constant(true)),
})
type Upload = typeof options extends fc.Arbitrary<infer Value> ? Value : never

/** Files in valid or almost valid forms, over valid or almost valid connections. */
export const formBatches: fc.Arbitrary<Batch> = fc
  .record({
    place: fc.constantFrom(...places),
    wishes: fc.array(options, { minLength: 1, maxLength: 30, size: 'max' }),
  })
  .map(({ place, wishes }) => ({ place, tries: wishes.map(tryOf) }))

function tryOf(each: Upload): Try {
  return { words: () => wordsOf(each), isUnheard: each.goes, run: (scene) => upload(each, scene) }
}

async function upload(wished: Upload, scene: FuzzScene): Promise<Answer[]> {
  const { form, goes, cuts } = wished
  const { head, frame: sent } = writeHead(wished, scene)
  const ending = goes ? 'go' : sent.isWhole ? 'wait' : 'end'
  const pieces = cutAt(Buffer.concat([head, sent.wrap(form.bytes)]), cuts)
  const heard = await sendBytes(scene.service.url, { pieces, ending })
  refute([heard.how === 'left_hanging', 'the connection was left hanging'])
  if (goes) return []

  const answers = readAnswers(heard.bytes, ['POST'])
  for (const each of answers) judgeAnswer(each, scene.service)
  const [answer] = answers
  // A request whose body never ended may get no answer.
  refute([answer === undefined && sent.isWhole, `no answer (${heard.how})`])
  if (sent.isWhole) judgeRefused(wished, answer)
  if (answer?.status === 201) await judgeStored(wished, answer, scene)
  return answers
}

/** A completely valid upload must not be rejected. */
function judgeRefused({ form, hash, key }: Upload, answer: Answer | undefined): void {
  const isSound = form.mustBeKeptAs !== undefined && hash !== 'wrong' && key === undefined
  refute([isSound && answer?.status !== 201, `a sound form was answered ${answer?.status}: ${answer?.body.toString()}`])
}

function writeHead({ form, frame: makeFrame, path, hash, key }: Upload, scene: FuzzScene) {
  const sent = makeFrame(form.bytes)
  const said = { right: sha256Of(form.files[0] ?? Buffer.alloc(0)), wrong: 'ab'.repeat(32), none: undefined }[
    hash ?? 'none'
  ]
  const query = said === undefined ? '' : `${path.includes('?') ? '&' : '?'}sha256=${said}`
  const lines = [
    `POST /api/v1/security-firms/⟦firm⟧/${path}${query} HTTP/1.1`,
    'Host: documents.example',
    'Connection: close',
    'Authorization: Bearer ⟦access.guard⟧',
    ...(key === undefined ? [] : [`Idempotency-Key: ${key}`]),
    `Content-Type: ${form.contentType}`,
    ...sent.headers,
  ]
  return { head: Buffer.from(`${fillIn(lines.join('\r\n'), scene)}\r\n\r\n`), frame: sent }
}

const received = documentShape.extend({ duplicate_of: z.guid().optional() })

/** Every accepted file is returned unchanged, with a valid file name. */
async function judgeStored({ form, key, hash }: Upload, { body }: Answer, scene: FuzzScene): Promise<void> {
  const document = received.parse(JSON.parse(body.toString()))
  const { file_name: name, sha256, file_size: size } = document
  const { bytes, savedAs } = await download(document, scene)
  refute(
    [hash === 'wrong', 'taken under a hash that is not its own'],
    [!isNameOfFile(name), `taken under the name ${JSON.stringify(name)}`],
    [sha256Of(bytes) !== sha256 || bytes.length !== size, 'other bytes came back than were acknowledged'],
    [savedAs === '' || savedAs.includes('/'), `saved as ${JSON.stringify(savedAs)}`],
  )
  // Under a key, the stored file may be that of another try.
  if (key !== undefined) return
  const { mustBeKeptAs: wanted = name } = form
  refute(
    [!holds(form, bytes), 'what was kept is none of the files that were sent'],
    [name !== wanted, `kept as ${JSON.stringify(name)} and not ${JSON.stringify(wanted)}`],
  )
}

function isNameOfFile(name: string): boolean {
  const isOfLength = name.trim() !== '' && Array.from(name).length <= 255
  return isOfLength && name.isWellFormed() && !/[\p{Cc}/\\]/u.test(name)
}

/** In a form with changed bytes, the end of the file is unknown. */
function holds({ files, bytes }: Form, file: Buffer): boolean {
  return files.length > 0 ? files.some((each) => each.equals(file)) : bytes.includes(file)
}

async function download({ id, version }: DocumentShape, { service, firm, people }: FuzzScene) {
  const answer = await callDocuments(service.url, firm, people.member, `/${id}/versions/${version}/download`)
  const link = answer.headers.get('location')
  const file = link === null ? answer : await fetch(link)
  if (file.status !== 200) throw new Error(`its download was answered ${answer.status} ${file.status}`)
  const savedAs = parse(file.headers.get('content-disposition') ?? '').parameters['filename'] ?? ''
  return { bytes: Buffer.from(await file.arrayBuffer()), savedAs }
}

function wordsOf({ form, frame: makeFrame, path, hash, key, cuts, goes }: Upload): string {
  const { headers, isWhole } = makeFrame(form.bytes)
  const facts = { hash, key, cuts, goes, isWhole, mustBeKeptAs: form.mustBeKeptAs, size: form.bytes.length }
  return `POST ${path} {${[form.contentType, ...headers].join('; ')}} ${JSON.stringify(facts)} ${shown(form.bytes)}`
}

/** Its beginning and its end: only the frame matters. */
function shown(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  return JSON.stringify(text.length < 3000 ? text : `${text.slice(0, 1500)}…${text.slice(-1000)}`)
}
