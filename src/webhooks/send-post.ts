import { lookup as resolveName } from 'node:dns'
import { type ClientRequest, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'

import { createPublicLookup, describePrivate, PrivateAddress, type ResolveName } from './public-address.ts'

export type PostRequest = { url: string; headers: Record<string, string>; body: string }

/** The answer's status, or why there was none. */
export type PostResult = { status: number } | { status: null; error: string }

/** Never throws. */
export type SendPost = (request: PostRequest) => Promise<PostResult>

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
  const lookup = createPublicLookup(resolve, isAllowed)
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

async function readStatus(outgoing: ClientRequest, signal: AbortSignal): Promise<PostResult> {
  return await new Promise((resolve) => {
    outgoing.on('error', (error) => resolve({ status: null, error: describe(error, signal) }))
    // Without this listener, the answer 101 would end the connection and nothing else: no error, no response, no timeout.
    outgoing.on('upgrade', ({ statusCode }, socket) => {
      socket.destroy()
      resolve({ status: statusCode ?? 0 })
    })
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
