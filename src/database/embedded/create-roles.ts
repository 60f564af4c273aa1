import { Client, type ClientConfig } from 'pg'

export const database = 'paniq'
export const ownerRole = 'paniq_owner'
export const serviceRole = 'paniq_service'

/** Makes the two roles and the database where they are missing; a start killed half-way is completed by the next. */
export async function createRoles(superuser: Client, config: ClientConfig): Promise<void> {
  if (await isComplete(superuser)) return

  for (const role of [ownerRole, serviceRole])
    if (!(await exists(superuser, 'SELECT 1 FROM pg_roles WHERE rolname = $1', role))) await createRole(superuser, role)
  if (!(await exists(superuser, 'SELECT 1 FROM pg_database WHERE datname = $1', database)))
    await superuser.query(`CREATE DATABASE ${database} OWNER ${ownerRole}`)
  await grantUsage(config)

  // Last, since it is the sign that all is done.
  await superuser.query(`
    REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
    REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE ${database} TO ${serviceRole}`)
}

async function isComplete(superuser: Client): Promise<boolean> {
  return exists(superuser, 'SELECT 1 FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL', database)
}

async function exists(client: Client, query: string, name: string): Promise<boolean> {
  const { rowCount } = await client.query(query, [name])
  return rowCount === 1
}

async function createRole(superuser: Client, role: string): Promise<void> {
  // A failed statement is told to the client, which knows what may be logged of it; the server's log would show
  // people's data. One string is one transaction.
  await superuser.query(`
    CREATE ROLE ${role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    ALTER ROLE ${role} SET log_min_messages = log`)
}

async function grantUsage(config: ClientConfig): Promise<void> {
  const client = new Client({ ...config, database })
  await client.connect()
  try {
    await client.query(`
      REVOKE ALL ON SCHEMA public FROM PUBLIC;
      GRANT USAGE ON SCHEMA public TO ${serviceRole}`)
  } finally {
    await client.end()
  }
}
