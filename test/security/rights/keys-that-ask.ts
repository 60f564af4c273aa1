import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'

import type { App } from '../../../src/app.ts'
import { makeApiKey } from '../../../src/people/api-keys/api-keys.ts'
import type { ApiKeyScope, FirmId, UserId } from '../../../src/vocabulary/vocabulary.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'

/** The kinds of API keys whose answer may differ. */
export const kindsOfKeys = [
  'a key that reads',
  'a key that writes',
  'a key of an administrator that reviews',
  'a key of an administrator that reads operations',
  'a key of another firm',
  'a revoked key',
  'an expired key',
  'a key of a former firm_admin',
  'a key of a locked firm_admin',
] as const

type KindOfKey = (typeof kindsOfKeys)[number]

/** No API key may, whatever its scopes. */
export const noKeys = {
  'a key that reads': 'forbidden',
  'a key that writes': 'forbidden',
  'a key of an administrator that reviews': 'forbidden',
  'a key of an administrator that reads operations': 'forbidden',
} as const

export const readingKeys = { ...noKeys, 'a key that reads': 'ok' } as const
export const writingKeys = { ...noKeys, 'a key that writes': 'ok' } as const
export const reviewingKeys = { ...noKeys, 'a key of an administrator that reviews': 'ok' } as const
export const operatingKeys = { ...noKeys, 'a key of an administrator that reads operations': 'ok' } as const

/** A route that needs no login ignores a key. */
export const keysOnPublicRoutes = {
  'a key that reads': 'ok',
  'a key that writes': 'ok',
  'a key of an administrator that reviews': 'ok',
  'a key of an administrator that reads operations': 'ok',
  'a key of another firm': 'ok',
  'a revoked key': 'ok',
  'an expired key': 'ok',
  'a key of a former firm_admin': 'ok',
  'a key of a locked firm_admin': 'ok',
} as const

const ofFirms: ApiKeyScope[] = ['documents:read', 'documents:write']

/** The header of one key of each kind, for a firm. */
export async function makeKeys(app: App, firmId: FirmId): Promise<Record<KindOfKey, string>> {
  const ofAdmin = async (scopes: ApiKeyScope[], change?: (maker: UserId) => Promise<unknown>) => {
    const maker = await makeMember(app, firmId)
    const key = await headerOf(app, maker, { scopes, firmId })
    await change?.(maker.id)
    return key
  }
  const ofAdministrator = async (scope: ApiKeyScope) =>
    headerOf(app, await makePerson(app, { role: 'admin' }), { scopes: [scope], firmId: undefined })
  const ended = (change: { revoked_at?: Date; expires_at?: Date }) => (maker: UserId) =>
    app.db.updateTable('document_api_keys').set(change).where('user_id', '=', maker).execute()
  const elsewhere = await makeFirm(app)
  const memberOfBoth = await makeMember(app, firmId)
  await addMember(app, elsewhere, memberOfBoth)

  return {
    'a key that reads': await ofAdmin(['documents:read']),
    'a key that writes': await ofAdmin(['documents:write']),
    'a key of an administrator that reviews': await ofAdministrator('review'),
    'a key of an administrator that reads operations': await ofAdministrator('operations:read'),
    'a key of another firm': await headerOf(app, memberOfBoth, { scopes: ofFirms, firmId: elsewhere }),
    'a revoked key': await ofAdmin(ofFirms, ended({ revoked_at: new Date() })),
    'an expired key': await ofAdmin(ofFirms, ended({ expires_at: new Date() })),
    'a key of a former firm_admin': await ofAdmin(ofFirms, (maker) =>
      app.db.updateTable('firm_users').set({ role: 'firm_user' }).where('user_id', '=', maker).execute(),
    ),
    'a key of a locked firm_admin': await ofAdmin(ofFirms, (maker) =>
      app.db.updateTable('registered_users').set({ is_locked: true }).where('id', '=', maker).execute(),
    ),
  }
}

/** The first denial of such a key revokes it: without this, all later ones would be for that. */
export async function reviveKeysOfFormerAdmins({ db }: App): Promise<void> {
  await sql`
    update document_api_keys set revoked_at = null
    where user_id in (select user_id from firm_users where role = 'firm_user')`.execute(db)
}

type Scope = { scopes: ApiKeyScope[]; firmId: FirmId | undefined }

async function headerOf(app: App, { id: userId }: Person, { scopes, firmId }: Scope): Promise<string> {
  const visitor = { requestId: randomUUID(), ip: '192.0.2.1', userAgent: 'a test' }
  const actor = { userId, sessionId: undefined, apiKeyId: undefined, ...visitor }
  const { key } = await makeApiKey({ ...app, secondFactor: 'off' }, actor, {
    name: 'a test',
    expiresAt: undefined,
    password: undefined,
    scopes,
    firmId,
  })
  return `Bearer ${key}`
}
