import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { z } from 'zod'

import { allOrNone } from './setting-formats.ts'
import { codeOf } from '../errors/app-error.ts'

export type CloudFrontConfig = { domain: string; keyPairId: string; privateKey: KeyObject }

/** Lower case, as in browsers: the signature covers the name. */
export const domainName = z
  .string()
  .regex(
    /^(?=.{4,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/i,
    'must be a host name such as d111111abcdef8.cloudfront.net, without https:// or a path',
  )
  .transform((name) => name.toLowerCase())

export const keyPairId = z
  .string()
  .regex(/^[A-Za-z\d]{1,64}$/, 'must be the id that CloudFront gave to the public key, such as K2JCJMDEHXQW5F')

const allowedKey = String.raw`must be a private key in PEM, with line breaks or \n between its lines, or the absolute path of a PEM file; RSA of 2048 bits or ECDSA on P-256`

/** A key, or the path of its file, as an object that never prints its content. */
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

/** How to sign links for CloudFront instead of S3. Needs all three settings or none. */
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

/** The key, or its fault as the beginning of a message. */
function readKey(text: string): KeyObject | string {
  const pem = text.startsWith('/') ? readPem(text) : { text }
  if ('fault' in pem) return pem.fault
  // Files of settings without line breaks, such as Docker's, have \n instead.
  const lines = pem.text.replaceAll(/(?:\\r)?\\n/g, '\n').trim()
  if (/^-----BEGIN (?:RSA )?PUBLIC KEY/.test(lines)) return 'is a public key and '
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(lines)) return 'is encrypted with a password and '
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
    // The message of OpenSSL does not help, and may contain the key.
    return ''
  }
  return isAccepted(key) ? key : `is a key of ${kindOf(key)} and `
}

/** Whether CloudFront accepts the key. With another key every download link would fail, and only when used. */
function isAccepted({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean {
  return type === 'rsa' ? details?.modulusLength === 2048 : type === 'ec' && details?.namedCurve === 'prime256v1'
}

function kindOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === 'rsa') return `RSA with ${details?.modulusLength} bits`
  return type === 'ec' ? `ECDSA on ${details?.namedCurve}` : (type ?? 'an unknown kind')
}
