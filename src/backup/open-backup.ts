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
} from './backup-manifest.ts'
import { readSmallFile } from './compressed-parts.ts'

export type OpenedBackup = {
  name: string
  folder: string
  manifest: Manifest
  /** `unchecked`: there is a signature, but no key was given. */
  signature: 'right' | 'unchecked' | 'none'
}

export async function listBackups(backupStore: BackupStore): Promise<string[]> {
  const folders = await backupStore.list(backupsFolder)
  return folders.map((each) => each.replace(/\/$/, '')).filter(isBackupName)
}

/** Undefined for an unfinished backup. Throws `InvalidBackup` if the manifest is missing, or its signature does not match the key. */
export async function openBackup(
  backupStore: BackupStore,
  name: string,
  key: VerificationKey | undefined,
): Promise<OpenedBackup | undefined> {
  const folder = folderOf(name)
  if ((await backupStore.sizeOf(`${folder}${unfinishedName}`)) !== undefined) return undefined
  const bytes = await readSmallFile(backupStore, `${folder}${manifestName}`)
  if (bytes === undefined) throw new InvalidBackup(`its ${manifestName} is missing`)
  const signature = await readSmallFile(backupStore, `${folder}${signatureName}`)
  const manifest = parseManifest(bytes)
  // A correctly signed manifest may be that of an older backup, copied into this folder.
  if (manifest.backup.name !== name) throw new InvalidBackup(`its ${manifestName} belongs to another backup`)
  return { name, folder, manifest, signature: checkSignature({ bytes, signature, manifest }, key) }
}

function parseManifest(bytes: Buffer): Manifest {
  const { format: foundFormat } = parseAs(formatSchema, bytes)
  if (foundFormat !== format)
    throw new InvalidBackup(
      `its format is ${foundFormat}, and this version reads format ${format}; use the version that created it`,
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
  if (isSigned && signature === undefined) throw new InvalidBackup('its signature is missing')
  if (key === undefined) return isSigned ? 'unchecked' : 'none'
  if (signature === undefined) throw new UnsignedBackup('it is not signed')
  if (!isSignedBy(bytes, signature, key))
    throw new InvalidBackup(
      manifest.signed_with === key.fingerprint
        ? 'its manifest was changed after it was signed'
        : 'it was signed with another key',
    )
  return 'right'
}

/** The operator's key: with the private key anybody can create backups that pass verification. */
export type SigningKey = { privateKey: KeyObject; fingerprint: string }
export type VerificationKey = { publicKey: KeyObject; fingerprint: string }

/** Reads a PEM. Throws what is wrong with it, as the end of a sentence. */
export function readSigningKey(pem: string): SigningKey {
  const privateKey = parse(pem, createPrivateKey)
  return { privateKey, fingerprint: fingerprintOf(createPublicKey(privateKey)) }
}

export function readVerificationKey(pem: string): VerificationKey {
  if (/PRIVATE KEY/.test(pem)) throw new Error('is a private key; name the public one')
  const publicKey = parse(pem, createPublicKey)
  return { publicKey, fingerprint: fingerprintOf(publicKey) }
}

/** One line of Base64. */
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
    throw new Error('has no key in PEM format, or one with a passphrase', { cause: error })
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`has a key of the type ${key.asymmetricKeyType}; Ed25519 is required`)
  return key
}

function fingerprintOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}
