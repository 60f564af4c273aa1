import { randomUUID } from 'node:crypto'

/** A person of the demo, with a login that works on the page. */
export type Login = { name: string; email: string; password: string }
export type SignedIn = Login & { token: string; id: string }

export type Api = ReturnType<typeof openApi>

type Call = { person?: SignedIn; body?: unknown; headers?: Record<string, string>; form?: FormData }

/** Calls of the public API at an address. Each throws unless it succeeded, and once the signal is aborted. */
export function openApi(origin: string, signal: AbortSignal | null = null) {
  const send = async (line: string, { person, body, headers, form }: Call = {}): Promise<Response> => {
    const [method = 'GET', path = ''] = line.split(' ')
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        ...(person === undefined ? {} : { authorization: `Bearer ${person.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: form ?? (body === undefined ? null : JSON.stringify(body)),
      signal,
    })
    if (!response.ok) throw new Error(`${line}: ${response.status} ${await response.text()}`)
    return response
  }
  const ask = async <Body>(line: string, call: Call = {}): Promise<Body> =>
    (await (await send(line, call)).json()) as Body // as the API's description says
  return { send, ask }
}

export async function register({ ask }: Api, person: Login): Promise<SignedIn> {
  const [first = '', ...others] = person.name.split(' ')
  const { user, access_token: token } = await ask<{ user: { id: string }; access_token: string }>(
    'POST /auth/register',
    {
      body: { email: person.email, password: person.password, first_name: first, last_name: others.join(' ') },
    },
  )
  return { ...person, token, id: user.id }
}

export async function logIn({ ask }: Api, person: Login): Promise<SignedIn> {
  const { access_token: token } = await ask<{ access_token: string }>('POST /auth/login', {
    body: { email: person.email, password: person.password },
  })
  const { id } = await ask<{ id: string }>('GET /auth/me', { headers: { authorization: `Bearer ${token}` } })
  return { ...person, token, id }
}

export type Firm = { id: string; name: string }

export async function registerFirm(
  { ask }: Api,
  person: SignedIn,
  { name, province }: { name: string; province: string },
): Promise<Firm> {
  const number = `2019/${String(Math.floor(Math.random() * 1_000_000)).padStart(6, '0')}/07`
  const email = `office@${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.example`
  const body = {
    name,
    province,
    registration_number: number,
    email,
    phone: '+27 21 555 0101',
    address: '12 Long Street',
  }
  const { id } = await ask<{ id: string }>('POST /security-firms/register', { person, body })
  return { id, name }
}

type File = { type: string; bytes: Buffer; fileName: string }

/** The document's id. */
export async function upload(
  { ask }: Api,
  person: SignedIn,
  firm: Firm,
  { type, bytes, fileName }: File,
): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(bytes)], { type: 'application/pdf' }), fileName)
  const { id } = await ask<{ id: string }>(`POST /security-firms/${firm.id}/documents?document_type=${type}`, {
    person,
    form,
    headers: { 'idempotency-key': randomUUID() },
  })
  return id
}

export async function addVersion(
  { send }: Api,
  person: SignedIn,
  { firm, id, bytes, fileName }: { firm: Firm; id: string; bytes: Buffer; fileName: string },
): Promise<void> {
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(bytes)], { type: 'application/pdf' }), fileName)
  await send(`POST /security-firms/${firm.id}/documents/${id}/versions`, { person, form })
}

export type Decision = { decision: 'verify' | 'reject'; reason_code?: string; comment?: string; valid_until?: string }

export async function review(
  { send }: Api,
  reviewer: SignedIn,
  { firm, id, ...decision }: Decision & { firm: Firm; id: string },
): Promise<void> {
  const path = `/security-firms/${firm.id}/documents/${id}`
  const seen = await send(`GET ${path}`, { person: reviewer })
  await seen.arrayBuffer()
  await send(`PUT ${path}/review`, {
    person: reviewer,
    headers: { 'if-match': seen.headers.get('etag') ?? '' },
    body: decision,
  })
}
