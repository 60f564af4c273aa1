import * as fc from 'fast-check'

import { uploadFile } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { cast, type FirmName, firmNames, people, type PersonName } from '../state/cast.ts'
import { keys } from './upload.ts'
import { differs } from '../state/model.ts'
import { callAs, type Real, type Verb, verb } from '../state/verb.ts'
import { smallType } from '../state/world.ts'

/** Files that are always rejected, with the defect and the answer. */
const unsound = {
  'a file that is too large': {
    status: 413,
    wish: () => ({ type: smallType.code, bytes: makePdf({ bytes: smallType.maxBytes + 1 }) }),
  },
  'a program that calls itself a PDF': { status: 415, wish: () => ({ bytes: Buffer.from(`MZ${'\0'.repeat(600)}`) }) },
  'a PDF that is named as a picture': { status: 415, wish: () => ({ fileName: 'documents.png' }) },
  'an empty file': { status: 422, wish: () => ({ bytes: Buffer.alloc(0) }) },
  'a file with another hash than it is said to have': {
    status: 422,
    wish: () => ({ query: { sha256: '0'.repeat(64) } }),
  },
  'a file of a type that there is not': { status: 422, wish: () => ({ type: 'love_letter' }) },
}
type Fault = keyof typeof unsound
const faults = Object.keys(unsound) as Fault[] // its keys are these names

/** They leave nothing, even with a key. The end of the history checks this. */
export const unsoundVerb: fc.Arbitrary<Verb> = fc
  .record({
    by: fc.constantFrom(...people),
    fault: fc.constantFrom(...faults),
    key: fc.constantFrom(undefined, ...keys),
  })
  .map(({ by, fault, key }) =>
    verb({
      words: `${by} uploads ${fault}`,
      async run(_model, real) {
        const { status, wish } = unsound[fault]
        const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key }
        const answer = await uploadFile(real.world.url, real.firms[cast[by].firm], real.people[by], {
          headers,
          ...wish(),
        })
        return expectStatus(answer, [status])
      },
    }),
  )

/** Calls that people make at a firm of others. */
const reaches: Record<string, (real: Real, by: PersonName, at: { firm: FirmName; id: string }) => Promise<Response>> = {
  list: (real, by, { firm }) => callAs(real, by, '', { firm }),
  'look at': (real, by, { firm, id }) => callAs(real, by, `/${id}`, { firm }),
  download: (real, by, { firm, id }) => callAs(real, by, `/${id}/download`, { firm }),
  'upload to': (real, by, { firm }) => uploadFile(real.world.url, real.firms[firm], real.people[by]),
  'look from their own firm at': (real, by, { id }) => callAs(real, by, `/${id}`),
  'download from their own firm': (real, by, { id }) => callAs(real, by, `/${id}/download`),
}

export const strangerVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), how: fc.constantFrom(...Object.keys(reaches)), which: fc.nat({ max: 9 }) })
  .map(({ by, how, which }) =>
    verb({
      words: `${by} tries to ${how} the other firm’s documents`,
      async run(model, real) {
        const firm = firmNames.find((name) => name !== cast[by].firm) ?? differs('there is no other firm')
        const { documents } = model.firms[firm]
        const id = documents[which % Math.max(documents.length, 1)]?.id ?? real.firms[firm]
        const answer = await reaches[how]?.(real, by, { firm, id })
        return expectStatus(answer, [how.includes('own firm') ? 404 : 403])
      },
    }),
  )

async function expectStatus(answer: Response | undefined, statuses: number[]): Promise<string> {
  const text = await answer?.text()
  if (answer === undefined || !statuses.includes(answer.status))
    differs(`answered ${answer?.status} instead of ${statuses.join(' or ')}: ${text}`)
  return String(answer.status)
}
