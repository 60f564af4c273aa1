import { randomBytes } from 'node:crypto'
import { lastingHeaders } from '../../support/http/lasting-headers.ts'
import { postJson } from '../../support/http/post-json.ts'

/** A person who uploads a firm's documents. */
export type Sender = { firmId: string; headers: { authorization: string } }

type Options = { firms: number; peopleOfEach: number; secret: string }

/** Firms, each with several people who may upload, created through the service itself. */
export async function makeSenders(url: string, { firms, peopleOfEach, secret }: Options): Promise<Sender[]> {
  const senders: Sender[] = []
  for (let firm = 0; firm < firms; firm += 1) {
    const admin = await registerPerson(url, secret)
    const firmId = await registerFirm(url, admin)
    senders.push({ firmId, headers: admin.headers })
    for (let more = 1; more < peopleOfEach; more += 1) {
      const person = await registerPerson(url, secret)
      const member = { email: person.email, role: 'field_staff' }
      const invited = await postJson(`${url}/api/v1/security-firms/${firmId}/invitations`, member, admin.headers)
      await postJson(`${url}/api/v1/auth/me/invitations/${String(invited['id'])}/accept`, {}, person.headers)
      senders.push({ firmId, headers: person.headers })
    }
  }
  return senders
}

type Registered = { email: string; headers: { authorization: string } }

async function registerPerson(url: string, secret: string): Promise<Registered> {
  const email = `${randomBytes(6).toString('hex')}@people.example`
  const names = { first_name: 'Thandi', last_name: 'Nkosi' }
  const tokens = await postJson(`${url}/api/v1/auth/register`, {
    email,
    password: randomBytes(16).toString('hex'),
    ...names,
  })
  return { email, headers: await lastingHeaders(String(tokens['access_token']), secret) }
}

async function registerFirm(url: string, admin: Registered): Promise<string> {
  const firm = {
    name: 'Umkhonto Guarding',
    registration_number: randomBytes(8).toString('hex'),
    email: admin.email,
    phone: '+27110000000',
    address: '1 Long Street, Cape Town',
    province: 'Western Cape',
  }
  return String((await postJson(`${url}/api/v1/security-firms/register`, firm, admin.headers))['id'])
}
