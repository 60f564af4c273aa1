import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** The operator's own: who has the private one can make backups that are believed. */
export type SigningKey = { privateKey: KeyObject; fingerprint: string }
export type CheckingKey = { publicKey: KeyObject; fingerprint: string }

/** Of a PEM; throws what is wrong with it, as the end of a sentence. */
export function readSigningKey(pem: string): SigningKey {
  const privateKey = parse(pem, createPrivateKey)
  return { privateKey, fingerprint: fingerprintOf(createPublicKey(privateKey)) }
}

export function readCheckingKey(pem: string): CheckingKey {
  if (/PRIVATE KEY/.test(pem)) throw new Error('is a private key; name the public one')
  const publicKey = parse(pem, createPublicKey)
  return { publicKey, fingerprint: fingerprintOf(publicKey) }
}

/** Base64, on a line of its own. */
export function signManifest(bytes: Buffer, { privateKey }: SigningKey): Buffer {
  return Buffer.from(`${sign(null, bytes, privateKey).toString('base64')}\n`)
}

export function isSignedBy(bytes: Buffer, signature: Buffer, { publicKey }: CheckingKey): boolean {
  return verify(null, bytes, publicKey, Buffer.from(signature.toString('latin1').trim(), 'base64'))
}

function parse(pem: string, create: (pem: string) => KeyObject): KeyObject {
  let key: KeyObject
  try {
    key = create(pem)
  } catch (error) {
    throw new Error('holds no key in PEM, or one with a passphrase', { cause: error })
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`holds a key of the kind ${key.asymmetricKeyType}; Ed25519 is needed`)
  return key
}

function fingerprintOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
