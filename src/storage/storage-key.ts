import type { FirmId, QuarantineKey, StorageKey } from '../vocabulary/vocabulary.ts'
import { StoreError } from './file-store.ts'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
// Either case: the platform's keys are read too.
const keyPattern = `security_firms/${uuid}/[a-z0-9_-]{1,50}_${uuid}\\.[a-z0-9]{1,10}`
const ownKey = new RegExp(`^${keyPattern}$`, 'i')
// Must match `document_platform_rows` in the database.
const platformKey = /^security_firms(\/[^./\\\p{Cc}][^/\\\p{Cc}]*){1,2}$/u
const quarantineKey = new RegExp(`^quarantine/(${uuid}/)?${keyPattern}$`, 'i')

type KeyParts = { firmId: FirmId; documentType: string; uuid: string; extension: string }

/** The only function that creates keys. It uses ids and the detected type, never a user's file name, and replaces unsafe characters of the type. */
export function storageKeyOf({ firmId, documentType, uuid: id, extension }: KeyParts): StorageKey {
  const type = documentType.replaceAll(/[^a-z0-9_-]/gi, '_').slice(0, 50)
  return requireStorageKey(`security_firms/${firmId}/${type}_${id}.${extension}`)
}

/** The extension for the key of a copy. The platform's keys end with the extension of the user's file name. */
export function extensionOf(key: StorageKey): string {
  return /\.([a-z0-9]{1,10})$/i.exec(key)?.[1] ?? 'bin'
}

/** Throws `invalid_key` unless the text has exactly the format of a key, which excludes `..`, absolute paths and NUL. */
export function requireStorageKey(text: string): StorageKey {
  if (!isStorageKey(text)) throw new StoreError('invalid_key', 'not a storage key')
  return text
}

export function isStorageKey(text: string): text is StorageKey {
  return ownKey.test(text)
}

/**
 * Accepts our own keys and the platform's, which have one or two path segments and any extension. Hidden segments and `..`
 * are rejected. The service itself writes only keys of its own format.
 */
export function requireReadableKey(text: string): StorageKey {
  if (!isReadableKey(text)) throw new StoreError('invalid_key', 'not a storage key')
  return text
}

export function isReadableKey(text: string): text is StorageKey {
  return platformKey.test(text)
}

/** The key of an orphan in quarantine. Pass `id` when the plain name is taken. */
export function quarantineKeyOf(key: StorageKey, id?: string): QuarantineKey {
  return requireQuarantineKey(`quarantine/${id === undefined ? '' : `${id}/`}${key}`)
}

/** Whether a store can store a blob under this name. A platform row may contain any text. */
export function isStorableKey(text: string): boolean {
  return isReadableKey(text) || quarantineKey.test(text)
}

/** Throws `invalid_key` for anything else, including a document's key: the two are never interchangeable. */
export function requireQuarantineKey(text: string): QuarantineKey {
  if (!quarantineKey.test(text)) throw new StoreError('invalid_key', 'not a quarantine key')
  return text as QuarantineKey // the pattern was just checked
}

/** The object that `s3 test` and `s3 setup` put, read and delete. It is no document. */
export const testKey = 'test/connection_test.txt'
export const testText = 'Paniq Documents wrote this to test the connection. It may be deleted.\n'
