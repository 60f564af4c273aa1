import { randomBytes } from 'node:crypto'

import { sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

/** Whether the platform created the shared tables. Then the platform decides which people are verified. */
export async function hasAdoptedPlatformTables(db: Db): Promise<boolean> {
  const row = await db.selectFrom('document_installation').select('adopted_platform_tables').executeTakeFirstOrThrow()
  return row.adopted_platform_tables
}

/** The id by which stores know this installation. */
export async function findInstallationId(db: Db): Promise<string> {
  const row = await db.selectFrom('document_installation').select('id').executeTakeFirstOrThrow()
  return row.id
}

/** Of several instances that start at once, one proceeds and the others wait until its transaction ends. */
export async function lockFirstStart(trx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('paniq-documents first start'))`.execute(trx)
}

/**
 * A secret that all instances share. The first call creates it; concurrent calls return the same one. It never
 * changes.
 */
export async function ensureStoredSecret(db: Db, name: string): Promise<string> {
  const secret = (await findSecret(db, name)) ?? (await createSecret(db, name))
  if (secret === undefined) throw new Error(`the secret ${name} is missing and could not be created`)
  return secret
}

async function findSecret(db: Db, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('document_secrets').select('secret').where('name', '=', name).executeTakeFirst()
  return row?.secret
}

// A concurrent insert waits for the first one and then does nothing, so the secret is read back.
async function createSecret(db: Db, name: string): Promise<string | undefined> {
  await db
    .insertInto('document_secrets')
    .values({ name, secret: randomBytes(32).toString('hex') })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  return await findSecret(db, name)
}
