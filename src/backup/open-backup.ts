import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

import { z } from 'zod'

import type { BackupStore } from '../storage/backup-store/backup-store.ts'
import {
  backupsFolder,
  InvalidBackup,
  folderOf,
  format,
  isBackupName,
  type Manifest,
  manifestSchema,
  manifestName,
  UnsignedBackup,
  signatureName,
  unfinishedName,
} from './manifest.ts'
import { readSmallFile } from './parts.ts'

export type OpenedBackup = {
  name: string
  folder: string
  manifest: Manifest
  /** `unchecked`: there is a signature, and no key was given. */
  signature: 'right' | 'unchecked' | 'none'
}

export async function listBackups(backupStore: BackupStore): Promise<string[]> {
  const folders = await backupStore.list(backupsFolder)
  return folders.map((each) => each.replace(/\/$/, '')).filter(isBackupName)
}

/** Undefined when it is not finished. Throws `InvalidBackup` when its manifest is gone, or not what the key says that it is. */
export async function openBackup(
  backupStore: BackupStore,
  name: string,
  key: VerificationKey | undefined,
): Promise<OpenedBackup | undefined> {
  const folder = folderOf(name)
  if ((await backupStore.sizeOf(`${folder}${unfinishedName}`)) !== undefined) return undefined
  const bytes = await readSmallFile(backupStore, `${folder}${manifestName}`)
  if (bytes === undefined) throw new InvalidBackup(`its ${manifestName} is not there`)
  const signature = await readSmallFile(backupStore, `${folder}${signatureName}`)
  const manifest = parseManifest(bytes)
  // Rightly signed it may be, and an old one all the same, copied to where a newer one is looked for.
  if (manifest.backup.name !== name) throw new InvalidBackup(`its ${manifestName} is that of another backup`)
  return { name, folder, manifest, signature: checkSignature({ bytes, signature, manifest }, key) }
}

function parseManifest(bytes: Buffer): Manifest {
  const { format: itsFormat } = parseAs(formatSchema, bytes)
  if (itsFormat !== format)
    throw new InvalidBackup(
      `its format is ${itsFormat}, and this version reads format ${format}; use the version that made it`,
    )
  return parseAs(manifestSchema, bytes)
}

const formatSchema = z.object({ format: z.number() })

function parseAs<Value>(form: z.ZodType<Value>, bytes: Buffer): Value {
  try {
    return form.parse(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    throw new InvalidBackup(`its ${manifestName} is damaged`, { cause: error })
  }
}

type Signed = { bytes: Buffer; signature: Buffer | undefined; manifest: Manifest }

function checkSignature(
  { bytes, signature, manifest }: Signed,
  key: VerificationKey | undefined,
): OpenedBackup['signature'] {
  const isSigned = manifest.signed_with !== null
  if (isSigned && signature === undefined) throw new InvalidBackup('its signature is gone')
  if (key === undefined) return isSigned ? 'unchecked' : 'none'
  if (signature === undefined) throw new UnsignedBackup('it is not signed, so that nobody can say who made it')
  if (!isSignedBy(bytes, signature, key))
    throw new InvalidBackup(
      manifest.signed_with === key.fingerprint
        ? 'its manifest was changed after it was signed'
        : 'it was signed with another key',
    )
  return 'right'
}

/** The operator's own: who has the private one can make backups that are believed. */
export type SigningKey = { privateKey: KeyObject; fingerprint: string }
export type VerificationKey = { publicKey: KeyObject; fingerprint: string }

/** Of a PEM; throws what is wrong with it, as the end of a sentence. */
export function readSigningKey(pem: string): SigningKey {
  const privateKey = parse(pem, createPrivateKey)
  return { privateKey, fingerprint: fingerprintOf(createPublicKey(privateKey)) }
}

export function readVerificationKey(pem: string): VerificationKey {
  if (/PRIVATE KEY/.test(pem)) throw new Error('is a private key; name the public one')
  const publicKey = parse(pem, createPublicKey)
  return { publicKey, fingerprint: fingerprintOf(publicKey) }
}

/** Base64, on a line of its own. */
export function signManifest(bytes: Buffer, { privateKey }: SigningKey): Buffer {
  return Buffer.from(`${sign(null, bytes, privateKey).toString('base64')}\n`)
}

function isSignedBy(bytes: Buffer, signature: Buffer, { publicKey }: VerificationKey): boolean {
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
