import { type KeyObject, verify } from 'node:crypto'

/** CloudFront's own parameters, which are removed before the policy is built and the request goes to S3. */
const own = new Set(['Expires', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm', 'Policy'])

export type Judged = { refusal: 'MissingKey' | 'AccessDenied' } | { path: string; query: [string, string][] }

/**
 * Whether CloudFront would allow this address, as Amazon documents signed URLs with a canned policy: the policy is
 * rebuilt from the address exactly as it arrived, and its signature is checked with the key that the address names.
 */
export function judgeAddress(address: string, keys: ReadonlyMap<string, KeyObject>, now: Date): Judged {
  const [base = '', query = ''] = address.split('?', 2)
  const pairs = query.split('&').map((pair) => pair.split('=', 2) as [string, string]) // a pair without a sign has no own name
  const ofCloudFront = new Map(pairs.filter(([name]) => own.has(name)))
  const rest = pairs.filter(([name]) => !own.has(name))
  const [expires, signature, key] = ['Expires', 'Signature', 'Key-Pair-Id'].map((name) => ofCloudFront.get(name))
  if (expires === undefined || signature === undefined || key === undefined) return { refusal: 'MissingKey' }

  const resource = rest.length === 0 ? base : `${base}?${rest.map((pair) => pair.join('=')).join('&')}`
  const policy = `{"Statement":[{"Resource":"${resource}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`
  const hash = ofCloudFront.get('Hash-Algorithm') === 'SHA256' ? 'sha256' : 'sha1'
  const isLate = Number(expires) * 1000 <= now.getTime()
  if (isLate || !fits({ policy, hash, signature }, keys.get(key))) return { refusal: 'AccessDenied' }

  return { path: new URL(base).pathname, query: rest.map(([name, value]) => [name, decodeURIComponent(value)]) }
}

type Signed = { policy: string; hash: string; signature: string }

function fits({ policy, hash, signature }: Signed, publicKey: KeyObject | undefined): boolean {
  if (publicKey === undefined) return false
  const base64 = signature.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/')
  return verify(hash, Buffer.from(policy), publicKey, Buffer.from(base64, 'base64'))
}
