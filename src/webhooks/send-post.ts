import { lookup as resolveName, type LookupAddress } from 'node:dns'
import { type ClientRequest, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

export type PostRequest = { url: string; headers: Record<string, string>; body: string }

/** The answer's status, or why there was none. */
export type PostResult = { status: number } | { status: null; error: string }

/** Never throws. */
export type SendPost = (request: PostRequest) => Promise<PostResult>

/** Passes every address of a name to `done`. */
export type ResolveName = (
  name: string,
  options: { all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

type Options = {
  /** Whether this address may be connected to. */
  isAllowed: (address: string) => boolean
  resolve?: ResolveName
}

const maxAttemptMs = 10_000
/** The answer's body is of no interest. This much is read, so that a well-behaved receiver can finish it. */
const maxAnswerBytes = 16 * 1024

/**
 * Returns the function that sends one request over a connection of its own. Redirects are not followed. The addresses of a
 * name are checked when the connection is made, and exactly those are connected to: a name whose address changes meanwhile
 * leads nowhere else.
 */
export function createPoster({ isAllowed, resolve = resolveName }: Options): SendPost {
  const lookup = createLookup(resolve, isAllowed)
  return async ({ url, headers, body }) => {
    const target = new URL(url)
    const host = target.hostname.replace(/^\[|\]$/g, '')
    // An address in the URL is connected to without a lookup.
    if (isIP(host) !== 0 && !isAllowed(host)) return { status: null, error: describePrivate(host) }
    const signal = AbortSignal.timeout(maxAttemptMs)
    const request = target.protocol === 'https:' ? requestHttps : requestHttp
    const outgoing = request(target, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'user-agent': 'paniq-documents', 'content-length': Buffer.byteLength(body) },
      lookup,
      signal,
    })
    const result = readStatus(outgoing, signal)
    outgoing.end(body)
    return await result
  }
}

class PrivateAddress extends Error {
  override readonly name = 'PrivateAddress'
}

function createLookup(resolve: ResolveName, isAllowed: (address: string) => boolean): LookupFunction {
  return (name, { all }, done) => {
    resolve(name, { all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      const denied = addresses?.find(({ address }) => !isAllowed(address))
      if (error !== null || first === undefined) done(error ?? new Error('the name has no address'), '')
      else if (denied !== undefined) done(new PrivateAddress(describePrivate(denied.address)), '')
      else if (all === true) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }
}

function describePrivate(address: string): string {
  return `The URL leads to ${address}, which is not a public address. WEBHOOK_ALLOW_PRIVATE=on allows it.`
}

async function readStatus(outgoing: ClientRequest, signal: AbortSignal): Promise<PostResult> {
  return await new Promise((resolve) => {
    outgoing.on('error', (error) => resolve({ status: null, error: describe(error, signal) }))
    outgoing.on('response', (answer) => {
      let bytes = 0
      const settle = () => resolve({ status: answer.statusCode ?? 0 })
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > maxAnswerBytes) answer.destroy()
      })
      answer.on('error', settle).on('close', settle)
    })
  })
}

/** Nothing that the receiver sent is stored. */
function describe(error: NodeJS.ErrnoException, signal: AbortSignal): string {
  if (error instanceof PrivateAddress) return error.message
  if (signal.aborted) return `The receiver did not answer within ${maxAttemptMs / 1000} seconds.`
  return `There was no answer (${error.code ?? error.name}).`
}
