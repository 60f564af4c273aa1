import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { connect } from 'node:net'

import { Client } from 'pg'
import { beforeAll, expect, test } from 'vitest'

import { ensureInstalled } from './packages/install-packages.ts'
import { postgresNeed } from './programs/postgres.ts'

const program = `
  import { keepServices } from '${import.meta.dirname}/run-services.ts'
  const { addresses, stop } = await keepServices(['postgres'])
  process.stdout.write(addresses.postgres.adminUrl)
  process.stdin.once('data', async () => { await stop(); process.exit() })`

/** Another process that starts a PostgreSQL, with that server's address and data folder. */
async function startAsker() {
  const asker = spawn(process.execPath, ['--input-type=module', '--eval', program])
  const [url] = await once(asker.stdout.setEncoding('utf8'), 'data')
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('show data_directory')
  await client.end()
  return { asker, port: client.port, folder: String(rows[0].data_directory) }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

// Also if the environment names a database for the other tests.
beforeAll(() => ensureInstalled([postgresNeed]))

test('a service that is stopped is gone at once, with its data', async () => {
  const { asker, port, folder } = await startAsker()
  expect(await isListening(port)).toBe(true)
  expect(await isThere(folder)).toBe(true)

  asker.stdin.write('stop')
  await once(asker, 'exit')

  expect(await isListening(port)).toBe(false)
  expect(await isThere(folder)).toBe(false)
})

test.each(['SIGKILL', 'SIGINT'] as const)('a service ends when its starter ends by %s', async (signal) => {
  const { asker, port, folder } = await startAsker()
  expect(await isListening(port)).toBe(true)

  asker.kill(signal)
  await once(asker, 'exit')

  await expect.poll(() => isListening(port)).toBe(false)
  await expect.poll(() => isThere(folder)).toBe(false)
})
