import type { Client } from 'pg'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import type { Person } from '../people/people.ts'
import { insertFirm, insertFirmUser, insertRegisteredUser, type Signer } from './platform-people.ts'

export type FirmWithAdmin = { firm: FirmId; admin: Person }

export const signer: Signer = { secret: 'a secret that the platform and this service share' }

/** A firm of the platform with a member who has all rights in it. */
export async function insertFirmWithAdmin({ platform }: { platform: Client }): Promise<FirmWithAdmin> {
  const firm = await insertFirm(platform)
  const admin = await insertRegisteredUser(platform, signer)
  await insertFirmUser(platform, firm, admin)
  return { firm, admin }
}
