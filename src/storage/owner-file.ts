import { z } from 'zod'

import { StoreError } from './file-store.ts'

/** A file in every bucket and local store that names the installation that owns it. */
export const ownerFileName = 'paniq-documents.json'

const ownerFile = z.object({ installation_id: z.guid() })

/** The owner of a store. Repairs check it before they change anything. */
export type Ownership = {
  /** The installation that owns the store, if any. */
  find(): Promise<string | undefined>
  /** Claims the store for this installation unless another one owns it. Returns the owner. */
  claim(installationId: string): Promise<string>
}

export function formatOwner(installationId: string): string {
  return `${JSON.stringify({ installation_id: installationId })}\n`
}

export function parseOwner(text: string): string {
  try {
    return ownerFile.parse(JSON.parse(text)).installation_id
  } catch (error) {
    throw new StoreError('misused', `${ownerFileName} does not name an installation`, error)
  }
}
