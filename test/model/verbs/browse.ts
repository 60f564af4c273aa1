import * as fc from 'fast-check'
import { z } from 'zod'

import { documentShape, type DocumentShape } from '../../../src/contract/documents.ts'
import { cast, people, type PersonName } from '../state/cast.ts'
import { documentTypes } from './upload.ts'
import { differs, type Model } from '../state/model.ts'
import { type Asked, noteList, noteSeen } from '../notes/note-list.ts'
import { callAs, type Real, type Verb, verb } from '../state/verb.ts'

export const listVerb: fc.Arbitrary<Verb> = fc
  .record({
    by: fc.constantFrom(...people),
    documentType: fc.option(fc.constantFrom(...documentTypes), { nil: undefined }),
    limit: fc.constantFrom(200, 1, 2, 3),
    withTrash: fc.boolean(),
  })
  .map(({ by, documentType, limit, withTrash }) =>
    verb({
      words: `${by} lists ${documentType ?? 'all documents'}${withTrash ? ' and the trash' : ''}, ${limit} a page`,
      async run(model, real) {
        const seen = await listAll(real, by, { documentType, limit, withTrash })
        noteList(model, cast[by].firm, seen, { documentType, withTrash })
        return `${seen.length} of them`
      },
    }),
  )

/** Reads all pages. */
export async function listAll(
  real: Real,
  by: PersonName,
  { documentType, withTrash = false, limit = 200 }: Asked & { limit?: number } = {},
): Promise<DocumentShape[]> {
  const ofType = documentType === undefined ? '' : `&document_type=${documentType}`
  const filter = `${ofType}${withTrash ? '&include=deleted' : ''}`
  const seen: DocumentShape[] = []
  for (let next: string | undefined = `?limit=${limit}${filter}`; next !== undefined;) {
    const page = await readPage(real, by, next)
    if (page.documents.length > limit) differs(`a page of ${page.documents.length} where ${limit} were asked for`)
    if (page.next !== undefined && page.documents.length < limit) differs('a page that is not full has a next one')
    seen.push(...page.documents)
    next = page.next
  }
  return seen
}

async function readPage(real: Real, by: PersonName, query: string) {
  const answer = await callAs(real, by, query)
  if (answer.status !== 200) return differs(`a list was answered ${answer.status}: ${await answer.text()}`)
  const next = /<[^>]*(\?[^>]*)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  return { documents: z.array(documentShape).parse(await answer.json()), next }
}

export const lookVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), which: fc.nat({ max: 20 }) })
  .map(({ by, which }) =>
    verb({
      words: `${by} looks at document ${which}`,
      canRun: hasDocuments(by),
      async run(model, real) {
        const document = pick(model, by, which)
        const answer = await callAs(real, by, `/${document.id}`)
        if (answer.status !== 200) return differs(`answered ${answer.status}: ${await answer.text()}`)
        noteSeen(model, cast[by].firm, documentShape.parse(await answer.json()))
        return 'it is as it should be'
      },
    }),
  )

export const hasDocuments = (by: PersonName) => (model: Model) =>
  model.isServing && model.firms[cast[by].firm].documents.length > 0

export function pick(model: Model, by: PersonName, which: number) {
  const { documents } = model.firms[cast[by].firm]
  return documents[which % documents.length] ?? differs('there is no document to pick')
}
