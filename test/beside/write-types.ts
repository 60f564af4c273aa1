import { randomUUID } from 'node:crypto'

import type { Client } from 'pg'

/** Two of the types that the platform has, by its own ids, and one of which this service has never heard. */
export async function writeTypes(platform: Client): Promise<void> {
  for (const code of ['registration_certificate', 'tax_clearance', 'firearm_permit'])
    await platform.query(
      `insert into document_types (id, code, name, is_required, is_active, created_by) values ($1, $2, $2, $3, true, $4)`,
      [randomUUID(), code, code === 'registration_certificate', randomUUID()],
    )
}
