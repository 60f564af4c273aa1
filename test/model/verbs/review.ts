import * as fc from 'fast-check'

import { documentShape } from '../../../src/contract/documents.ts'
import { callDocuments } from '../../support/documents/call-documents.ts'
import { hasDocuments, pick } from './browse.ts'
import { cast, people, type PersonName } from '../state/cast.ts'
import { differs, type KnownDocument, type Model, versionOf } from '../state/model.ts'
import { scansOf, servingOf } from '../notes/note-scans.ts'
import { noteShown } from '../notes/note-shown.ts'
import { noteRefusal } from '../notes/note-rejection.ts'
import { callAs, type Real, type Verb, verb } from '../state/verb.ts'

const saying = ['what they saw', 'something older', 'nothing'] as const

/** The administrator of the platform reviews a document of any firm. Sometimes a member tries to. */
export const reviewVerb: fc.Arbitrary<Verb> = fc
  .record({
    of: fc.constantFrom(...people),
    isMember: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    which: fc.nat({ max: 20 }),
    decision: fc.constantFrom('verify' as const, 'reject' as const),
    otherReason: fc.constantFrom('outdated', 'unreadable'),
    says: fc.oneof(
      { weight: 6, arbitrary: fc.constant(saying[0]) },
      { weight: 1, arbitrary: fc.constantFrom(...saying) },
    ),
  })
  .map(({ of, isMember, which, decision, otherReason, says }) => {
    const reason = decision === 'reject' ? otherReason : null
    return verb({
      words: `${isMember ? of : 'the administrator'} decides to ${decision} document ${which} of ${cast[of].firm}, having seen ${says}`,
      canRun: hasDocuments(of),
      async run(model, real) {
        const document = pick(model, of, which)
        const seen = await callAs(real, of, `/${document.id}`)
        await seen.body?.cancel()
        const ifMatch = {
          'what they saw': seen.headers.get('etag') ?? '',
          'something older': '"older"',
          nothing: undefined,
        }[says]
        const answer = await decide(real, { of, isMember }, document, { decision, reason, ifMatch })
        const body: unknown = await answer.json()
        const { status } = answer
        const allowed = isMember ? [403] : answersTo(model, document, says)
        if (!allowed.includes(status))
          differs(`a decision was answered ${status} instead of ${allowed.join(' or ')}: ${JSON.stringify(body)}`)
        if (!isMember) noteRefusal(model, versionOf(document), { status, body })
        if (status !== 200) return String(status)
        versionOf(document).review = { status: decision === 'verify' ? 'verified' : 'rejected', reason }
        noteShown(model, document, documentShape.parse(body))
        return 'so it is'
      },
    })
  })

/** A fallback file may move and a scan may finish between the read and the decision. Then the ETag differs. */
function answersTo(model: Model, document: KnownDocument, says: (typeof saying)[number]): number[] {
  if (says === 'nothing') return [428]
  if (says === 'something older') return [412]
  const version = versionOf(document)
  const changes = version.stores.length > 1 || scansOf(model, version).length > 1 ? [412] : []
  if (document.isInTrash) return [410, ...changes]
  const { may, must } = servingOf(model, version)
  return [...(may ? [200] : []), ...(must ? [] : [409]), ...changes]
}

type Decision = { decision: 'verify' | 'reject'; reason: string | null; ifMatch: string | undefined }

async function decide(
  { world, firms, people: persons, administrator }: Real,
  { of, isMember }: { of: PersonName; isMember: boolean },
  { id }: KnownDocument,
  { decision, reason, ifMatch }: Decision,
): Promise<Response> {
  return callDocuments(world.url, firms[cast[of].firm], isMember ? persons[of] : administrator, `/${id}/review`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...(ifMatch !== undefined && { 'if-match': ifMatch }) },
    body: JSON.stringify({ decision, reason_code: reason, comment: 'Decided in the model.' }),
  })
}
