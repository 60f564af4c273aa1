import { randomUUID } from 'node:crypto'

import type { Client } from 'pg'

const required = [
  'registration_certificate',
  'proof_of_address',
  'insurance_certificate',
  'security_license',
  'identity_document',
  'proof_of_residence',
]
const others = [
  'vat_certificate',
  'bank_statement',
  'tax_clearance',
  'psira_certificate',
  'annual_return',
  'bee_certificate',
  'firearm_permit',
]

/** The platform's types with its own ids, including one that this service does not know. */
export async function writeTypes(platform: Client): Promise<void> {
  for (const code of [...required, ...others])
    await platform.query(
      `insert into document_types (id, code, name, is_required, is_active, created_by) values ($1, $2, $2, $3, true, $4)`,
      [randomUUID(), code, required.includes(code), randomUUID()],
    )
}
