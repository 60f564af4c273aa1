import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { addVersion } from '../../support/documents/call-versions.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import type { Fuzzed } from './fuzz-world.ts'
import { findAccountByEmail } from '../../../src/database/people/accounts.ts'
import { passwordLoginOf } from '../../../src/people/passwords/password-login.ts'
import { startSession } from '../../../src/people/sessions/log-in.ts'

export const askers = ['member', 'guard', 'stranger', 'administrator', 'nobody'] as const
export type Asker = (typeof askers)[number]

/**
 * A firm with people and documents for one batch of requests, so that the result does not depend on earlier batches.
 */
export type FuzzScene = {
  service: Fuzzed
  firm: FirmId
  people: Record<Exclude<Asker, 'nobody'>, Person>
  /** Two documents, the first with two versions. */
  documents: [DocumentShape, DocumentShape]
  /** The value of a name between ⟦ and ⟧; undefined for an unknown name. */
  valueOf(name: string): string | undefined
}

export async function newScene(service: Fuzzed): Promise<FuzzScene> {
  const { app, url } = service
  const [firm, otherFirm] = [await makeFirm(app), await makeFirm(app)]
  const people = {
    member: await makeMember(app, firm, 'firm_admin'),
    guard: await makeMember(app, firm, 'field_staff'),
    stranger: await makeMember(app, otherFirm, 'firm_admin'),
    administrator: await makePerson(app, { role: 'admin' }),
  }
  const hand = (seed: string) => uploadDocument(url, firm, people.guard, { bytes: makePdf({ seed }) })
  const documents: FuzzScene['documents'] = [await hand('first'), await hand('second')]
  const second = await addVersion(url, { firm, id: documents[0].id }, people.guard, {
    bytes: makePdf({ seed: 'newer' }),
  })
  if (second.status !== 201) throw new Error(`no second version: ${await second.text()}`)
  const call = (path: string, accept = '*/*') => callDocuments(url, firm, people.member, path, { headers: { accept } })

  const makers: Record<string, () => Promise<string>> = {
    firm: async () => firm,
    'other.firm': async () => otherFirm,
    document: async () => documents[0].id,
    'second.document': async () => documents[1].id,
    etag: async () => (await call(`/${documents[0].id}`)).headers.get('etag') ?? '',
    'next.documents': async () => cursorOf(await call('?limit=1')),
    'next.versions': async () => cursorOf(await call(`/${documents[0].id}/versions?limit=1`)),
    'next.events': async () => cursorOf(await call(`/${documents[0].id}/events?limit=1`)),
    link: async () => {
      const answer = await call(`/${documents[0].id}/download`, 'application/json')
      return ((await answer.json()) as { url: string }).url.split('/files/')[1] ?? 'none'
    },
    refresh: async () => refreshTokenOf(service, people.member),
  }
  for (const [name, person] of Object.entries(people)) {
    makers[name] = async () => person.id
    makers[`e-mail.${name}`] = async () => person.email
    makers[`access.${name}`] = async () => person.headers.authorization.slice('Bearer '.length)
  }
  const values = await makeEach(makers)
  return { service, firm, people, documents: documents, valueOf: (name) => values.get(name) }
}

/**
 * All values are read before the batch: it may delete documents, and then there would be no second page and no link.
 */
async function makeEach(makers: Record<string, () => Promise<string>>): Promise<Map<string, string>> {
  return new Map(await Promise.all(Object.entries(makers).map(async ([name, make]) => [name, await make()] as const)))
}

function cursorOf(page: Response): string {
  const next = /[?&]cursor=([^&>]*)/.exec(page.headers.get('link') ?? '')?.[1]
  if (next === undefined) throw new Error(`the list has no second page (${page.status})`)
  return decodeURIComponent(next)
}

async function refreshTokenOf({ app }: Fuzzed, { email }: Person): Promise<string> {
  const account = await findAccountByEmail(app.db, email)
  if (account === undefined) throw new Error('the member has no account')
  const visitor = { requestId: 'fuzz', ip: '127.0.0.1', userAgent: 'fuzz' }
  const policies = { secondFactor: app.config.secondFactor, passwordLogin: passwordLoginOf(app.config) }
  const tokens = await app.db
    .transaction()
    .execute((trx) => startSession({ ...app, ...policies }, trx, visitor, account))
  return tokens.refreshToken
}
