import { z } from 'zod'

import { StoreError } from './file-store.ts'

/** Stands in every bucket and on every disk of an installation, and says whose it is. */
export const ownerFileName = 'paniq-documents.json'

const form = z.object({ installation_id: z.guid() })

/** Whose a store is: what repairs ask before they touch anything. */
export type Ownership = {
  /** The installation that took it, if any did. */
  find(): Promise<string | undefined>
  /** Takes it for this installation unless another was first. Yields whose it is. */
  claim(installationId: string): Promise<string>
}

export function formatOwner(installationId: string): string {
  return `${JSON.stringify({ installation_id: installationId })}\n`
}

export function parseOwner(text: string): string {
  try {
    return form.parse(JSON.parse(text)).installation_id
  } catch (error) {
    throw new StoreError('misused', `The file ${ownerFileName} of this store does not say whose it is.`, error)
  }
}
