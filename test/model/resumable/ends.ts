import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'
import { sql } from 'kysely'

import type { Answer } from '../../resumable/call-uploads.ts'
import { forgetResumable } from '../notes/note-resumable.ts'
import { cast, firmNames, people, type PersonName } from '../state/cast.ts'
import { differs, type Model, nameOf } from '../state/model.ts'
import { hasResumable, mayEnd, pickResumable, type Resumable } from '../state/resumable.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'
import { endInWords, killedAfter, run } from '../verbs/commands.ts'
import { answerOrLoss, type At, clientOf, isOver, isUncertain, look, noteAnswer } from './look.ts'
import { fateOfEnd, whileFault } from './meanwhile.ts'
import { nextRange, noteSending, noteSent } from './send.ts'

const one = { firm: fc.constantFrom(...firmNames), which: fc.nat({ max: 9 }) }

/** Anybody asks for an upload. Its client gets its state; a colleague learns nothing of it. */
export const viewVerb: fc.Arbitrary<Verb> = fc
  .record({ ...one, by: fc.constantFrom<('its client' | PersonName)[]>('its client', 'its client', ...people) })
  .map(({ firm, which, by }) =>
    verb({
      words: `${by} asks for the resumable upload ${which} of ${firm}`,
      canRun: hasResumable(firm),
      async run(model, real) {
        const upload = pickResumable(model, firm, which)
        if (by === 'its client' || by === upload.file.by) return look({ model, real }, upload)
        const { status } = await clientOf(real, by, firm).view(upload.address)
        if (status !== (cast[by].firm === firm ? 404 : 403)) differs(`another person’s upload was answered ${status}`)
        return String(status)
      },
    }),
  )

/** Its client and the firm's administrator may end it. */
export const terminateVerb: fc.Arbitrary<Verb> = fc
  .record({ ...one, by: fc.constantFrom(...people) })
  .map(({ firm, which, by }) =>
    verb({
      words: `${by} ends the resumable upload ${which} of ${firm}`,
      canRun: hasResumable(firm),
      run: async (model, real) => terminate({ model, real }, pickResumable(model, firm, which), by),
    }),
  )

export async function terminate(at: At, upload: Resumable, by: PersonName): Promise<string> {
  const { firm } = cast[upload.file.by]
  const isOfFirm = cast[by].firm === firm
  const answer = await clientOf(at.real, by, firm).terminate(upload.address)
  const { status, code } = answer
  if (!isOfFirm || (by !== upload.file.by && cast[by].role !== 'firm_admin'))
    return expectDenied(answer, isOfFirm ? 404 : 403)
  if (status === 204) return noteTerminated(at, upload)
  // A finished upload is 409, and so is one whose key another file has.
  if (status !== 409 || upload.end?.kind === 'rejected') return noteAnswer(at, upload, answer)
  const words = await look(at, upload)
  if (upload.end === undefined) differs(`${nameOf(upload.file)} could not be ended: ${status} ${code}`)
  return `409; ${words}`
}

function expectDenied({ status, code }: Answer, expected: number): string {
  if (status !== expected) differs(`a stranger ended an upload: ${status} ${code}`)
  return String(status)
}

async function noteTerminated({ model, real }: At, upload: Resumable): Promise<string> {
  if (upload.end !== undefined || upload.isGone === 'surely') differs(`${nameOf(upload.file)} ended twice`)
  forgetResumable(model, upload)
  const { status } = await clientOf(real, upload.file.by).view(upload.address)
  if (status !== 404) differs(`a terminated upload was answered ${status}`)
  return '204'
}

/** The work of every minute, which also the service does: it finishes complete uploads whose client does not come back. */
export const finishVerb: fc.Arbitrary<Verb> = killedAfter.map((killedAfterMs) =>
  verb({
    words: `complete uploads are finished${killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`}`,
    canRun: () => true,
    async run(_model, real) {
      await letEndsBeDue(real)
      return endInWords(await run(real, { verb: 'finish' }, killedAfterMs))
    },
  }),
)

/** As if the pauses after failed ends were over. */
export async function letEndsBeDue({ world, firms }: Real): Promise<void> {
  await sql`
    update document_uploads set end_due_at = now()
    where id in (select id from document_uploads
      where firm_id = any (${Object.values(firms)}::uuid[]) and end_due_at > now() for update skip locked)`.execute(
    world.db,
  )
}

/** A person sends the last piece, or none, and loses the right before or after its last byte. Later they get it back. */
export const lostRightVerb: fc.Arbitrary<Verb> = fc
  .record({ ...one, sends: fc.boolean(), afterMs: fc.nat({ max: 60 }) })
  .map(({ firm, which, sends, afterMs }) =>
    verb({
      words: `the client of the resumable upload ${which} of ${firm} ${sends ? `sends the rest, and ${afterMs} ms later ` : ''}is suspended for a while`,
      canRun: hasResumable(firm),
      run: async (model, real) => loseRight({ model, real }, pickResumable(model, firm, which), { sends, afterMs }),
    }),
  )

async function loseRight(at: At, upload: Resumable, { sends, afterMs }: { sends: boolean; afterMs: number }) {
  const { model, real } = at
  const { by } = upload.file
  if (isUncertain(upload)) await look(at, upload)
  if (isOver(at, upload)) return 'it is over'
  const sending = sends ? sendRest(at, upload) : undefined
  await sleep(afterMs)
  await suspend(real, by, true)
  const sent = await sending?.catch(async (error: unknown) => {
    await suspend(real, by, false)
    throw error
  })
  const client = clientOf(real, by)
  const denied = [await client.view(upload.address), await client.send(upload.address, 0, Buffer.alloc(1))]
  await run(real, { verb: 'finish' }, undefined)
  await suspend(real, by, false)
  for (const { status } of denied) if (status !== 403) differs(`a suspended person was answered ${status}`)
  noteLostRight(model, by)
  const words = sent === undefined ? '' : `${await sent()}; `
  return isOver(at, upload) ? words : `${words}${await look(at, upload)}`
}

/** Sends the rest, and returns what notes the answer. */
async function sendRest(at: At, upload: Resumable): Promise<() => Promise<string>> {
  const { from, to } = nextRange(upload, 'the rest')
  const mayHaveEnded = mayEnd(upload)
  noteSending(at, upload, { from, to })
  const answering = answerOrLoss(
    clientOf(at.real, upload.file.by).send(upload.address, from, upload.content.subarray(from)),
  )
  const { came: answer, conditions } = await whileFault(at, undefined, { answering, address: undefined })
  if ('lost' in answer) return differs(`a piece of ${nameOf(upload.file)} had no answer: ${answer.lost}`)
  return async () => {
    if (answer.status === 403) return '403'
    if (answer.status !== 204) return noteSent(at, upload, { answer, to, conditions, mayHaveEnded })
    return noteAnswer(at, upload, answer, mayHaveEnded ? undefined : fateOfEnd(at.model, upload, conditions))
  }
}

/** Complete uploads of a person without the right are deleted. */
function noteLostRight(model: Model, by: PersonName): void {
  for (const upload of model.firms[cast[by].firm].resumable)
    if (upload.file.by === by && mayEnd(upload) && upload.isGone === 'no') upload.isGone = 'maybe'
}

async function suspend({ world, firms, people: persons }: Real, by: PersonName, isSuspended: boolean): Promise<void> {
  await sql`
    update firm_users set status = ${isSuspended ? 'suspended' : 'active'}
    where firm_id = ${firms[cast[by].firm]} and user_id = ${persons[by].id}`.execute(world.db)
}
