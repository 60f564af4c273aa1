import { Client } from 'pg'
import { expect, test } from 'vitest'

import { freshDatabase, freshMigratedDatabase } from './fresh-database.ts'

test('a fresh database accepts tables, and is gone once dropped although a client is still connected', async () => {
  const database = await freshDatabase()
  const client = new Client({ connectionString: database.url })
  // Dropping the database ends this connection from the server's side.
  client.on('error', () => undefined)
  await client.connect()
  await client.query('create table documents (name text)')
  const { rows } = await client.query('select count(*)::int as documents from documents')
  expect(rows).toEqual([{ documents: 0 }])

  await database.drop()

  const later = new Client({ connectionString: database.url })
  await expect(later.connect()).rejects.toMatchObject({ code: '3D000' })
})

test('two migrated databases have the service’s tables and are different installations', async () => {
  const databases = await Promise.all([freshMigratedDatabase(), freshMigratedDatabase()])
  const ids: string[] = []
  for (const { url, drop } of databases) {
    const client = new Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query('select id from document_installation, document_migrations limit 1')
    ids.push(rows[0].id)
    await client.end()
    await drop()
  }

  expect(new Set(ids).size).toBe(2)
})
