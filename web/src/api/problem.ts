import type { Schemas } from './openapi.d.ts'

type Problem = Schemas['Problem']

/** `network`: no answer came. `unknown`: an answer that is not from the service, for example of a proxy. */
export type FailureCode = string & {}

/** An answer of the service that is an error, or no answer. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly status: number
  /** What happened and what to do, from the service; undefined where it did not answer. */
  readonly detail: string | undefined
  readonly fields: ReadonlyMap<string, string>
  readonly requestId: string | undefined
  readonly missing: readonly string[]
  readonly retryAfterSeconds: number | undefined

  constructor(code: FailureCode, status: number, problem?: Partial<Problem>, retryAfterSeconds?: number) {
    super(problem?.detail ?? code)
    this.code = code
    this.status = status
    this.detail = problem?.detail
    this.fields = new Map(problem?.errors?.map(({ field, message }) => [field, message]))
    this.requestId = problem?.request_id
    this.missing = problem?.missing ?? []
    this.retryAfterSeconds = retryAfterSeconds
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    return this.code === 'network' || this.status >= 500 || this.status === 429 || this.status === 408
  }
}

export function failureOf(status: number, body: unknown, headers: { get: (name: string) => string | null }): Failure {
  const problem = isProblem(body) ? body : undefined
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return new Failure(problem?.code ?? 'unknown', status, problem, Number.isFinite(seconds) ? seconds : undefined)
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body
}

type Answer<Data> = { data?: Data; error?: unknown; response: Response }

/** The data of an answer. Throws `Failure`. */
export async function dataOf<Data>(call: Promise<Answer<Data>>): Promise<NonNullable<Data>> {
  return (await answerOf(call)).data
}

/** One page of a list, and the cursor of the next one. */
export async function pageOf<Data>(
  call: Promise<Answer<Data>>,
): Promise<{ items: NonNullable<Data>; next: string | undefined }> {
  const { data, response } = await answerOf(call)
  const [, address] = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '') ?? []
  const cursor = address === undefined ? null : new URL(address, location.origin).searchParams.get('cursor')
  return { items: data, next: cursor ?? undefined }
}

/** The data with the document's ETag, which a review sends back. */
export async function taggedOf<Data>(call: Promise<Answer<Data>>): Promise<{ data: NonNullable<Data>; tag: string }> {
  const { data, response } = await answerOf(call)
  return { data, tag: response.headers.get('etag') ?? '' }
}

async function answerOf<Data>(call: Promise<Answer<Data>>): Promise<{ data: NonNullable<Data>; response: Response }> {
  const { data, error, response } = await call.catch(() => {
    throw new Failure('network', 0)
  })
  if (!response.ok) throw failureOf(response.status, error, response.headers)
  // The description has the type of each success; an answer without a body is undefined.
  return { data: data as NonNullable<Data>, response }
}
