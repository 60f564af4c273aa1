import { setTimeout as sleep } from 'node:timers/promises'

import { Client, type ClientConfig } from 'pg'

import { tryConnect } from '../../src/database/embedded/start-server.ts'

const retryMs = 25

/** Runs statements on a new connection and returns all values of the last one's rows. */
export async function ask(config: ClientConfig, ...queries: string[]): Promise<unknown[]> {
  const client = await waitUntilAnswers(config)
  try {
    for (const query of queries.slice(0, -1)) await client.query(query)
    const { rows } = await client.query({ text: queries.at(-1) ?? '', rowMode: 'array' })
    return rows.flat()
  } finally {
    await client.end()
  }
}

/** Connects to a server that may be starting, stopping or recovering. Gives up after this number of seconds. */
export async function waitUntilAnswers(config: ClientConfig, seconds = 10): Promise<Client> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const answer = await tryConnect(config)
    if (answer instanceof Client) return answer
    if (Date.now() > deadline) throw new Error(`the embedded PostgreSQL did not answer within ${seconds} s`)
    await sleep(retryMs)
  }
}
