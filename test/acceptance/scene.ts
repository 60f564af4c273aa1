import { randomUUID } from 'node:crypto'

import { type Answer, type Client, makeClient } from './client.ts'
import type { Administrator, Target } from './targets.ts'

export type Person = { id: string; email: string; password: string; token: string; refreshToken: string }

/** The people and firms of the tests of one address, all created for them. */
export type Scene = {
  client: Client
  firmId: string
  /** Its first firm_admin. */
  founder: Person
  /** An account without a firm. */
  colleague: Person
  stranger: Person
  /** An account whose sessions a test ends. */
  leaver: Person
  administrator: Administrator | undefined
}

export async function setScene({ url, admin: administrator, verify }: Omit<Target, 'close'>): Promise<Scene> {
  const client = makeClient(url)
  const founder = await register(client, verify)
  const [colleague, stranger] = [await register(client, verify), await register(client, verify)]
  const leaver = await register(client, verify)
  const firm = await client.call('POST /api/v1/security-firms/register', { token: founder.token, json: newFirm() })
  if (firm.status !== 201) throw new Error(`a firm could not be registered: ${firm.status}`)
  const { id: firmId } = firm.body as { id: string }
  return { client, firmId, founder, colleague, stranger, leaver, administrator }
}

async function register(client: Client, verify: Target['verify']): Promise<Person> {
  const { email, password, ...names } = newPerson()
  const answer = await client.call('POST /api/v1/auth/register', { json: { email, password, ...names } })
  if (answer.status !== 201) throw new Error(`nobody could register: ${answer.status}`)
  const { user, ...first } = answer.body as Tokens & { user: { id: string } }
  if (first.access_token !== undefined) return { id: user.id, email, password, ...known(first) }

  await verify?.(email)
  const login = await client.call('POST /api/v1/auth/login', { json: { email, password } })
  if (login.status !== 200)
    throw new Error('People must be verified by the platform at this address before they can log in; try another one.')
  return { id: user.id, email, password, ...known(login.body as Tokens) }
}

type Tokens = { access_token?: string; refresh_token?: string }

function known({ access_token: token, refresh_token: refreshToken }: Tokens): { token: string; refreshToken: string } {
  if (token === undefined || refreshToken === undefined) throw new Error('there are no tokens in the answer')
  return { token, refreshToken }
}

/** The person accepts the only invitation that they have. */
export async function acceptInvitation({ client }: Scene, { token }: Person): Promise<Answer> {
  const self = (await client.call('GET /api/v1/auth/me', { token })).body as { invitations: { id: string }[] }
  const accepted = await client.call(`POST /api/v1/auth/me/invitations/${self.invitations[0]?.id ?? ''}/accept`, {
    token,
  })
  if (accepted.status !== 200) throw new Error(`the invitation could not be accepted: ${accepted.status}`)
  return accepted
}

export function newPerson() {
  return {
    email: `${randomUUID()}@acceptance.example`,
    password: `correct horse ${randomUUID()}`,
    first_name: 'Thandi',
    last_name: 'Acceptance',
  }
}

export function newFirm() {
  const id = randomUUID()
  return {
    name: 'Acceptance test',
    registration_number: `acceptance-${id}`,
    email: `${id}@acceptance.example`,
    phone: '+27 21 555 0101',
    address: '12 Long Street, Cape Town',
    province: 'Western Cape',
  }
}

/** The address of the documents of the scene's firm. */
export function documentsOf({ firmId }: Scene): string {
  return `/api/v1/security-firms/${firmId}/documents`
}

export type Document = {
  id: string
  firm_id: string
  document_type: string
  file_name: string
  file_size: number
  mime_type: string
  sha256: string
  storage: string
  [field: string]: unknown
}

export type UploadOptions = {
  type?: string
  fileName?: string
  bytes: Buffer
  query?: Record<string, string>
  headers?: Record<string, string>
  token?: string | undefined
}

/** Uploads a file as the founder, unless another token is given. */
export async function upload(scene: Scene, wish: UploadOptions): Promise<Answer> {
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(wish.bytes)]), wish.fileName ?? 'licence.pdf')
  const query = new URLSearchParams({ document_type: wish.type ?? 'registration_certificate', ...wish.query })
  const token = 'token' in wish ? wish.token : scene.founder.token
  return scene.client.call(`POST ${documentsOf(scene)}?${query}`, { form, token, headers: wish.headers ?? {} })
}

/** A file that must be accepted. */
export async function keep(scene: Scene, wish: UploadOptions): Promise<Document> {
  const answer = await upload(scene, wish)
  if (answer.status !== 201) throw new Error(`not taken: ${answer.status} ${answer.bytes.toString()}`)
  return answer.body as Document
}

export type Fetched = { answer: Answer; file: Answer }

/** Downloads like a browser: returns the file, or follows the redirect to it without the token. */
export async function download(
  scene: Scene,
  id: string,
  { query = '', headers = {} }: { query?: string; headers?: Record<string, string> } = {},
): Promise<Fetched> {
  const { client, founder } = scene
  const answer = await client.call(`GET ${documentsOf(scene)}/${id}/download${query}`, {
    token: founder.token,
    headers,
  })
  if (answer.status !== 302) return { answer, file: answer }
  return { answer, file: await client.call(`GET ${answer.headers.get('location')}`, { headers }) }
}
