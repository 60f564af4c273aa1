import { Client } from 'pg'
import { expect, test } from 'vitest'

import { freshDatabase } from './fresh-database.ts'

test('a fresh database takes tables, and is gone once dropped although someone is still connected', async () => {
  const database = await freshDatabase()
  const client = new Client({ connectionString: database.url })
  // Dropping ends this connection from the server's side.
  client.on('error', () => undefined)
  await client.connect()
  await client.query('create table papers (name text)')
  const { rows } = await client.query('select count(*)::int as papers from papers')
  expect(rows).toEqual([{ papers: 0 }])

  await database.drop()

  const later = new Client({ connectionString: database.url })
  await expect(later.connect()).rejects.toMatchObject({ code: '3D000' })
})
