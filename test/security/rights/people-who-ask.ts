import { randomUUID } from 'node:crypto'

import { SignJWT } from 'jose'
import { Client } from 'pg'

import type { App } from '../../../src/app.ts'
import type { FirmId, Restriction } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePng } from '../../support/files/make-files.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../../support/people/people.ts'
import type { sessionRow } from '../../support/people/session-row.ts'
import { createPersonnelTable, insertPersonnel } from '../../support/platform/platform-people.ts'
import type { TestService } from '../../support/service/start-service.ts'
import { insertSession } from '../../../src/database/people/sessions.ts'
import { kindsOfKeys, makeKeys } from './keys-that-ask.ts'
import { signAccessToken } from '../../../src/people/sessions/access-token.ts'

/** Every kind of person with possibly different answers. */
export const kindsOfPeople = [
  'nobody',
  'somebody whose token has expired',
  'somebody who sends a refresh token',
  'somebody whose account is gone',
  'a firm_admin whose session was ended',
  ...kindsOfKeys,
  'a firm_admin whose password the platform changed',
  'a firm_admin who must set up a second factor',
  'a firm_admin who must change a generated password',
  'a stranger',
  'a stranger whose token claims everything',
  'a pending member',
  'a suspended member',
  'a firm_admin of another firm',
  'a locked firm_admin',
  'a suspended firm_admin',
  'a firm_admin',
  'a firm_supervisor',
  'a firm_user',
  'a field_staff',
  'the uploader',
  'an administrator',
  'a locked administrator',
  'an administrator who is its firm_admin',
  'a firm_admin of a locked firm',
  'a field_staff of a locked firm',
  'an administrator in a locked firm',
  'a reviewer',
  'a reviewer in a locked firm',
  'a reviewer whom the firm invited',
  'a reviewer who is a field_staff of the firm',
  'a reviewer whom the firm suspended',
  'a locked reviewer',
  'an administrator of the personnel',
  'a super_admin of the personnel',
  'a firm_supervisor of the personnel',
  'a locked administrator of the personnel',
  'an administrator of the personnel who left',
  'an administrator whose personnel row is locked',
  'a locked firm_admin whose personnel row is an administrator’s',
] as const

export type KindOfPerson = (typeof kindsOfPeople)[number]

/** A firm with an object for every parameter of a path. */
export type Place = {
  firmId: FirmId
  isLocked: boolean
  documentId: string
  /** A document of a confidential type, uploaded by a field_staff. */
  confidentialId: string
  /** Valid for everybody who has it. */
  fileToken: string
  member: Person
  /** The uploader of both documents. */
  uploader: Person
}

export const confidentialFile = { type: 'identity_document', fileName: 'id.png', bytes: makePng() }

export type Asking = { authorization: string | undefined; place: Place }

/** One person of each kind, each calling at the firm of that kind. */
export async function makePeopleWhoAsk(service: TestService): Promise<Record<KindOfPerson, Asking>> {
  const { app } = service
  await asPlatform(app, createPersonnelTable)
  const [open, locked] = [await openFirm(service), await openFirm(service)]
  await app.db.updateTable('security_firms').set({ is_locked: true }).where('id', '=', locked.place.firmId).execute()
  locked.place.isLocked = true

  const member = async (role: Parameters<typeof makeMember>[2]) =>
    at(open, await makeMember(app, open.place.firmId, role))
  const firmAdmin = async (wish: Parameters<typeof makePerson>[1]) => at(open, await makeAdminOf(app, open, wish))

  return {
    nobody: { authorization: undefined, place: open.place },
    'somebody whose token has expired': await withExpiredToken(service, open),
    'somebody who sends a refresh token': await withRefreshToken(service, open),
    'somebody whose account is gone': at(open, await withoutAccount(service)),
    ...(await withKeys(app, open)),
    'a firm_admin whose session was ended': await inSession(service, open, { ended_at: new Date() }),
    'a firm_admin whose password the platform changed': await inSession(service, open, { password_mark: Buffer.of(1) }),
    'a firm_admin who must set up a second factor': await inSession(service, open, {
      restriction: 'second_factor_required',
    }),
    'a firm_admin who must change a generated password': await inSession(service, open, {
      restriction: 'password_change_required',
    }),
    'a stranger': at(open, await makePerson(app)),
    'a stranger whose token claims everything': await withGreatClaims(service, open),
    'a pending member': at(open, await withStatus(service, open, 'pending')),
    'a suspended member': at(open, await withStatus(service, open, 'suspended')),
    'a firm_admin of another firm': at(open, await makeMember(app, await makeFirm(app))),
    'a locked firm_admin': await firmAdmin({ isLocked: true }),
    'a suspended firm_admin': await firmAdmin({ isSuspended: true }),
    'a firm_admin': await member('firm_admin'),
    'a firm_supervisor': await member('firm_supervisor'),
    'a firm_user': await member('firm_user'),
    'a field_staff': await member('field_staff'),
    'the uploader': at(open, open.uploader),
    'an administrator': at(open, await makePerson(app, { role: 'admin' })),
    'an administrator who is its firm_admin': await firmAdmin({ role: 'admin' }),
    'a locked administrator': at(open, await makePerson(app, { role: 'admin', isLocked: true })),
    'a firm_admin of a locked firm': at(locked, await makeMember(app, locked.place.firmId)),
    'a field_staff of a locked firm': at(locked, await makeMember(app, locked.place.firmId, 'field_staff')),
    'an administrator in a locked firm': at(locked, await makePerson(app, { role: 'admin' })),
    ...(await reviewersWhoAsk(service, open, locked)),
    ...(await asPlatform(app, (platform) => personnelWhoAsk(app, open, platform))),
  }
}

/** Where they belong, reviewers have the rights of their role in the firm alone. */
async function reviewersWhoAsk(service: TestService, open: Firm, locked: Firm) {
  const { app } = service
  const reviewer = async (person: Person) => {
    const row = { user_id: person.id, role: 'reviewer', granted_by: person.id } as const
    await app.db.insertInto('document_platform_roles').values(row).execute()
    return person
  }
  return {
    'a reviewer': at(open, await reviewer(await makePerson(app))),
    'a reviewer in a locked firm': at(locked, await reviewer(await makePerson(app))),
    'a reviewer whom the firm invited': at(open, await reviewer(await withStatus(service, open, 'pending'))),
    'a reviewer who is a field_staff of the firm': at(
      open,
      await reviewer(await makeMember(app, open.place.firmId, 'field_staff')),
    ),
    'a reviewer whom the firm suspended': at(open, await reviewer(await withStatus(service, open, 'suspended'))),
    'a locked reviewer': at(open, await reviewer(await makePerson(app, { isLocked: true }))),
  }
}

/** Rights depend on both of the platform's tables. A person who is locked out in one is locked out. */
async function personnelWhoAsk(app: App, firm: Firm, platform: Client) {
  const signer = { secret: app.config.jwtSecret ?? '' }
  const ofPersonnel = async (row: Record<string, unknown>) => at(firm, await insertPersonnel(platform, signer, row))
  const inBoth = async (wish: Parameters<typeof makePerson>[1], row: Record<string, unknown>) => {
    const { id } = await makeAdminOf(app, firm, wish)
    return await ofPersonnel({ id, ...row })
  }
  return {
    'an administrator of the personnel': await ofPersonnel({ role: 'admin' }),
    'a super_admin of the personnel': await ofPersonnel({ role: 'super_admin' }),
    'a firm_supervisor of the personnel': await ofPersonnel({ role: 'firm_supervisor' }),
    'a locked administrator of the personnel': await ofPersonnel({ is_locked: true }),
    'an administrator of the personnel who left': await ofPersonnel({ is_active: false }),
    'an administrator whose personnel row is locked': await inBoth({ role: 'admin' }, { is_locked: true }),
    'a locked firm_admin whose personnel row is an administrator’s': await inBoth({ isLocked: true }, {}),
  }
}

async function asPlatform<Result>({ config }: App, work: (platform: Client) => Promise<Result>): Promise<Result> {
  const { database } = config
  const platform = new Client(database.kind === 'external' ? { connectionString: database.url } : {})
  await platform.connect()
  try {
    return await work(platform)
  } finally {
    await platform.end()
  }
}

async function makeAdminOf(app: App, { place }: Firm, wish: Parameters<typeof makePerson>[1]): Promise<Person> {
  const person = await makePerson(app, wish)
  await addMember(app, place.firmId, person)
  return person
}

type Firm = { place: Place; uploader: Person }
type SessionRow = Omit<ReturnType<typeof sessionRow>, 'ended_at' | 'restriction'> & {
  ended_at: Date
  restriction: Restriction
}

function at({ place }: Firm, person: Person): Asking {
  return { authorization: person.headers.authorization, place }
}

async function openFirm({ app, url }: TestService): Promise<Firm> {
  const firmId = await makeFirm(app)
  const uploader = await makeMember(app, firmId, 'field_staff')
  const document = await uploadDocument(url, firmId, uploader)
  const confidential = await uploadDocument(url, firmId, uploader, confidentialFile)
  const link = await fetch(`${url}/api/v1/security-firms/${firmId}/documents/${document.id}/download`, {
    headers: { ...uploader.headers, accept: 'application/json' },
  })
  const { url: path } = (await link.json()) as { url: string }
  const place = {
    firmId,
    isLocked: false,
    documentId: document.id,
    confidentialId: confidential.id,
    fileToken: path.slice(path.lastIndexOf('/') + 1),
    member: await makeMember(app, firmId, 'firm_user'),
    uploader,
  }
  return { place, uploader }
}

async function withExpiredToken({ app }: TestService, { place }: Firm): Promise<Asking> {
  const { id, email } = await makeMember(app, place.firmId)
  const anHourAgo = new Date(Date.now() - 3_600_000)
  const token = await signAccessToken(
    { accessKey: app.keys.accessKey, now: () => anHourAgo },
    { id, email, userType: 'registered_user' },
  )
  return { authorization: `Bearer ${token}`, place }
}

async function withKeys(app: App, { place }: Firm): Promise<Record<(typeof kindsOfKeys)[number], Asking>> {
  const keys = await makeKeys(app, place.firmId)
  const asking = kindsOfKeys.map((kind) => [kind, { authorization: keys[kind], place }] as const)
  return Object.fromEntries(asking) as Record<(typeof kindsOfKeys)[number], Asking> // one for each kind
}

async function withRefreshToken({ app, url }: TestService, { place }: Firm): Promise<Asking> {
  const email = `${randomUUID()}@people.example`
  const answer = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: 'correct horse battery', first_name: 'Thandi', last_name: 'Nkosi' }),
  })
  const { refresh_token: token, user } = (await answer.json()) as { refresh_token: string; user: { id: Person['id'] } }
  await addMember(app, place.firmId, { id: user.id, email, headers: { authorization: '' } })
  return { authorization: `Bearer ${token}`, place }
}

/** A firm_admin who logged in; then `change` was made to the row of the session. */
async function inSession({ app }: TestService, firm: Firm, change: Partial<SessionRow>): Promise<Asking> {
  const { id, email } = await makeMember(app, firm.place.firmId)
  const visitor = { requestId: randomUUID(), ip: '192.0.2.1', userAgent: 'a test' }
  const times = { startedAt: new Date(), expiresAt: new Date(Date.now() + 3_600_000) }
  const session = { userId: id, ...times, lastUsedAt: times.startedAt, restriction: null, visitor, maxSessions: 9 }
  const { sessionId } = await app.db.transaction().execute((trx) => insertSession(trx, session))
  await app.db.updateTable('document_sessions').set(change).where('id', '=', sessionId).execute()
  const signer = { accessKey: app.keys.accessKey, now: app.now }
  const token = await signAccessToken(signer, { id, email, userType: 'registered_user', sessionId })
  return { authorization: `Bearer ${token}`, place: firm.place }
}

async function withoutAccount({ app }: TestService): Promise<Person> {
  const person = await makePerson(app, { role: 'admin' })
  await app.db.deleteFrom('registered_users').where('id', '=', person.id).execute()
  return person
}

/** A token in the platform's form. Claims other than the person must have no effect. */
async function withGreatClaims({ app }: TestService, { place }: Firm): Promise<Asking> {
  const { id, email } = await makePerson(app)
  const token = await new SignJWT({
    email,
    token_type: 'access',
    user_type: 'admin',
    role: 'super_admin',
    firm_id: place.firmId,
    permissions: ['*'],
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime('15m')
    .setJti(randomUUID())
    .sign(app.keys.accessKey)
  return { authorization: `Bearer ${token}`, place }
}

async function withStatus({ app }: TestService, { place }: Firm, status: 'pending' | 'suspended'): Promise<Person> {
  const person = await makePerson(app)
  await addMember(app, place.firmId, person, { status })
  return person
}
