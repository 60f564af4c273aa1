import { randomBytes } from 'node:crypto'

import { sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

/** True where the platform made the tables that we stand on: there it decides who is verified. */
export async function hasAdoptedPlatformTables(db: Db): Promise<boolean> {
  const row = await db.selectFrom('document_installation').select('adopted_platform_tables').executeTakeFirstOrThrow()
  return row.adopted_platform_tables
}

/** Who we are, in the words of our stores. */
export async function findInstallationId(db: Db): Promise<string> {
  const row = await db.selectFrom('document_installation').select('id').executeTakeFirstOrThrow()
  return row.id
}

/** Of several instances that start at once, one is in here and the others wait until its transaction ends. */
export async function lockFirstStart(trx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('paniq-documents first start'))`.execute(trx)
}

/**
 * A secret of our own that every instance reads: made by whichever asks first, and never changed. Of several that ask at
 * once one makes it, and all get the same.
 */
export async function ensureStoredSecret(db: Db, name: string): Promise<string> {
  const secret = (await findSecret(db, name)) ?? (await createSecret(db, name))
  if (secret === undefined) throw new Error(`the secret ${name} is neither there nor could be made`)
  return secret
}

async function findSecret(db: Db, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('document_secrets').select('secret').where('name', '=', name).executeTakeFirst()
  return row?.secret
}

// What is read is what stands: a second one who makes it waits for the first, and then finds that one's.
async function createSecret(db: Db, name: string): Promise<string | undefined> {
  await db
    .insertInto('document_secrets')
    .values({ name, secret: randomBytes(32).toString('hex') })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  return await findSecret(db, name)
}
