import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { z } from 'zod'

import { allOrNone } from './setting-formats.ts'
import { codeOf } from '../errors/app-error.ts'

export type CloudFrontConfig = { domain: string; keyPairId: string; privateKey: KeyObject }

/** In small letters: browsers write it so, and the signature covers it. */
export const domainName = z
  .string()
  .regex(
    /^(?=.{4,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/i,
    'must be a host name such as d111111abcdef8.cloudfront.net, without https:// before it or a path behind it',
  )
  .transform((name) => name.toLowerCase())

export const keyPairId = z
  .string()
  .regex(/^[A-Za-z\d]{1,64}$/, 'must be the id that CloudFront gave to the public key, such as K2JCJMDEHXQW5F')

const allowedKey = String.raw`must be a private key in PEM, with line breaks or \n between its lines, or the path of a file with one, from / on; RSA of 2048 bits or ECDSA on P-256`

/** A key, or where it lies, as an object that shows nothing of itself wherever it is logged. */
export const signingKey = z.string().transform((text, context) => {
  const key = readKey(text)
  if (typeof key !== 'string') return key
  context.addIssue({ code: 'custom', message: `${key}${allowedKey}` })
  return z.NEVER
})

type CloudFrontValues = {
  CLOUDFRONT_DOMAIN: string | undefined
  CLOUDFRONT_KEY_PAIR_ID: string | undefined
  CLOUDFRONT_PRIVATE_KEY: KeyObject | undefined
}

/** How links to S3 are signed instead of by S3's own rules. All three settings or none: half of them would sign nothing that works. */
export function cloudFrontConfig(values: CloudFrontValues): CloudFrontConfig | undefined {
  const given = allOrNone(values, 'CLOUDFRONT_DOMAIN', 'CLOUDFRONT_KEY_PAIR_ID', 'CLOUDFRONT_PRIVATE_KEY')
  return (
    given && {
      domain: given.CLOUDFRONT_DOMAIN,
      keyPairId: given.CLOUDFRONT_KEY_PAIR_ID,
      privateKey: given.CLOUDFRONT_PRIVATE_KEY,
    }
  )
}

/** The key, or what is wrong, in words that the rest of the message goes on from. */
function readKey(text: string): KeyObject | string {
  const pem = text.startsWith('/') ? readPem(text) : { text }
  if ('fault' in pem) return pem.fault
  // Files of settings that know no line breaks, such as Docker's, have them written out.
  const lines = pem.text.replaceAll(/(?:\\r)?\\n/g, '\n').trim()
  if (/^-----BEGIN (?:RSA )?PUBLIC KEY/.test(lines)) return 'holds a public key and '
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(lines)) return 'holds a key that a password locks and '
  return parseKey(lines)
}

function readPem(path: string): { text: string } | { fault: string } {
  try {
    return { text: readFileSync(path, 'utf8') }
  } catch (error) {
    return { fault: `names a file that cannot be read (${codeOf(error) ?? 'no reason given'}) and ` }
  }
}

function parseKey(pem: string): KeyObject | string {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, format: 'pem' })
  } catch {
    // What OpenSSL says of it helps nobody, and may repeat it.
    return ''
  }
  return isTaken(key) ? key : `holds a key of ${kindOf(key)} and `
}

/** What CloudFront takes for signed links. It would refuse every link of another key, and only then. */
function isTaken({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean {
  return type === 'rsa' ? details?.modulusLength === 2048 : type === 'ec' && details?.namedCurve === 'prime256v1'
}

function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === 'rsa') return `RSA with ${details?.modulusLength} bits`
  return type === 'ec' ? `ECDSA on ${details?.namedCurve}` : (type ?? 'an unknown kind')
}
