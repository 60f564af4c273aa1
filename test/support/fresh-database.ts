import { randomBytes } from 'node:crypto'

import { Client } from 'pg'

import { testServices } from './services.ts'

export type FreshDatabase = {
  name: string
  /** With a superuser's rights. */
  url: string
  /** Also when someone is still connected. */
  drop: () => Promise<void>
}

/** A new empty database on the server of this test run. */
export async function freshDatabase(adminUrl: string = testServices().postgres.adminUrl): Promise<FreshDatabase> {
  const name = `paniq_test_${randomBytes(8).toString('hex')}`
  await runAsAdmin(adminUrl, `create database ${name}`)

  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return { name, url: url.href, drop: () => runAsAdmin(adminUrl, `drop database if exists ${name} with (force)`) }
}

async function runAsAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
