import * as fc from 'fast-check'

import { documentShape } from '../../../src/contract/documents.ts'
import { hasDocuments, pick } from './browse.ts'
import { cast, people, type PersonName } from '../state/cast.ts'
import { differs, type KnownDocument } from '../state/model.ts'
import { noteShown } from '../notes/note-shown.ts'
import { callAs, type Verb, verb } from '../state/verb.ts'

const options = fc.record({ by: fc.constantFrom(...people), which: fc.nat({ max: 20 }) })

/**
 * The firm's administrator may delete any document. Others may delete those that they uploaded first, while no version
 * was ever verified.
 */
function mayDiscard(by: PersonName, document: KnownDocument): boolean {
  const wasVerified = document.versions.some(({ review }) => review.status === 'verified')
  return cast[by].role === 'firm_admin' || (document.by === by && !wasVerified)
}

export const deleteVerb: fc.Arbitrary<Verb> = options.map(({ by, which }) =>
  verb({
    words: `${by} deletes document ${which}`,
    canRun: hasDocuments(by),
    async run(model, real) {
      const document = pick(model, by, which)
      const { status } = await callAs(real, by, `/${document.id}`, { method: 'DELETE' })
      if (status !== (mayDiscard(by, document) ? 204 : 403)) differs(`a deletion was answered ${status}`)
      if (status === 204) document.isInTrash = true
      return String(status)
    },
  }),
)

export const restoreVerb: fc.Arbitrary<Verb> = options.map(({ by, which }) =>
  verb({
    words: `${by} takes document ${which} out of the trash`,
    canRun: hasDocuments(by),
    async run(model, real) {
      const document = pick(model, by, which)
      const answer = await callAs(real, by, `/${document.id}/restore`, { method: 'POST' })
      const body: unknown = await answer.json()
      const { status } = answer
      if (status !== (mayDiscard(by, document) ? 200 : 403))
        differs(`a way back was answered ${status}: ${JSON.stringify(body)}`)
      if (status === 403) return '403'
      Object.assign(document, { isInTrash: false, isOld: false })
      noteShown(model, document, documentShape.parse(body))
      return 'it is as it was'
    },
  }),
)
