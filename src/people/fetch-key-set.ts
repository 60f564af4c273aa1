import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose'

/** A large provider has a few keys of 2 KB; more is no set of keys. */
const mostBytes = 256 * 1024
const mostMilliseconds = 5000

type Options = { signal?: AbortSignal; timeoutMs?: number }

/** Asks an OpenID provider for its keys, once, within bounds of time and size, and at this address alone: no redirect is followed. */
export async function fetchKeySet(url: string, { signal, timeoutMs = mostMilliseconds }: Options = {}) {
  const bounds = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.any(bounds),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the provider of keys answered ${response.status} instead of 200`)
  }
  return keySetOf(await readBounded(response))
}

/** Decoded bytes count, so that a body that was made small by compression is no way around. */
async function readBounded({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > mostBytes) throw new Error(`the provider of keys sent more than ${mostBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function keySetOf(text: string): JWTVerifyGetKey {
  // Its shape is checked by jose, and each key when it is used.
  return createLocalJWKSet(JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0])
}
