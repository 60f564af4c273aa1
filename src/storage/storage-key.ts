import type { FirmId, QuarantineKey, StorageKey } from '../vocabulary/vocabulary.ts'
import { StoreError } from './file-store.ts'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
// Letters of either case: keys that the platform made are read too.
const keyForm = `security_firms/${uuid}/[a-z0-9_-]{1,50}_${uuid}\\.[a-z0-9]{1,10}`
const form = new RegExp(`^${keyForm}$`, 'i')
// As `document_platform_rows` in the database has it.
const platformForm = /^security_firms(\/[^./\\\p{Cc}][^/\\\p{Cc}]*){1,2}$/u
const quarantineForm = new RegExp(`^quarantine/(${uuid}/)?${keyForm}$`, 'i')

type KeyParts = { firmId: FirmId; documentType: string; uuid: string; extension: string }

/** The only maker of keys: of ids and the detected type, never of a user's file name. Odd codes are replaced. */
export function storageKeyOf({ firmId, documentType, uuid: id, extension }: KeyParts): StorageKey {
  const type = documentType.replaceAll(/[^a-z0-9_-]/gi, '_').slice(0, 50)
  return requireStorageKey(`security_firms/${firmId}/${type}_${id}.${extension}`)
}

/** For the key of a copy. The platform's keys end with whatever its users' file names did. */
export function extensionOf(key: StorageKey): string {
  return /\.([a-z0-9]{1,10})$/i.exec(key)?.[1] ?? 'bin'
}

/** Throws `invalid_key` for anything that is not exactly of a key's form: no dots to climb by, no absolute path, no NUL. */
export function requireStorageKey(text: string): StorageKey {
  if (!isStorageKey(text)) throw new StoreError('invalid_key', 'This is not the key of a stored file.')
  return text
}

export function isStorageKey(text: string): text is StorageKey {
  return form.test(text)
}

/**
 * Of stored files: our own keys, and the platform's, which end with any extension. One folder, a part or two, none hidden
 * or climbing. What is written here has a key of our own form.
 */
export function requireReadableKey(text: string): StorageKey {
  if (!isReadableKey(text)) throw new StoreError('invalid_key', 'This is not the key of a stored file.')
  return text
}

export function isReadableKey(text: string): text is StorageKey {
  return platformForm.test(text)
}

/** Where a stray goes that is put aside. `uuid`: where something lies under the plain name already. */
export function quarantineKeyOf(key: StorageKey, id?: string): QuarantineKey {
  return requireQuarantineKey(`quarantine/${id === undefined ? '' : `${id}/`}${key}`)
}

/** Whether a store can have anything under this name: a row of the platform's may say whatever it likes. */
export function isStorableKey(text: string): boolean {
  return isReadableKey(text) || quarantineForm.test(text)
}

/** Throws `invalid_key` for anything else, a document's key among them: the two never stand for one another. */
export function requireQuarantineKey(text: string): QuarantineKey {
  if (!quarantineForm.test(text)) throw new StoreError('invalid_key', 'This is not the key of a file in quarantine.')
  return text as QuarantineKey // its form was just checked
}
