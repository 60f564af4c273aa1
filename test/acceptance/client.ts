export type Answer = {
  status: number
  headers: Headers
  bytes: Buffer
  /** The body as JSON; undefined if it is not JSON. */
  body: unknown
}

export type Options = {
  token?: string | undefined
  json?: unknown
  form?: FormData
  headers?: Record<string, string>
}

export type Client = {
  url: string
  /** `POST /api/v1/auth/login`; redirects are returned, not followed. */
  call(line: string, wish?: Options): Promise<Answer>
}

/** Calls one address, and others only if an answer points there. */
export function makeClient(address: string): Client {
  const url = address.replace(/\/+$/, '')
  return {
    url,
    async call(line, { token, json, form, headers = {} } = {}) {
      const [method = 'GET', path = '/'] = line.split(' ')
      const body = form ?? (json === undefined ? undefined : JSON.stringify(json))
      const response = await fetch(new URL(path, url), {
        method,
        redirect: 'manual',
        headers: {
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
      })
      return answerOf(response)
    },
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '')
  const body: unknown = isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined
  return { status: response.status, headers: response.headers, bytes, body }
}

export type Problem = {
  status: number
  code: string
  detail: string
  message: string
  error_code: string
  request_id: string
  errors?: { field: string; message: string }[]
}

/** The body of an error. Throws for any other answer, without showing its contents. */
export function problemIn({ status, headers, body }: Answer): Problem {
  const type = headers.get('content-type') ?? 'nothing'
  if (!type.startsWith('application/problem+json')) throw new Error(`${status} with ${type} is no refusal`)
  return body as Problem
}

/** Status and code together, for the comparison of errors. */
export function refusalIn(answer: Answer): string {
  return `${answer.status} ${problemIn(answer).code}`
}
