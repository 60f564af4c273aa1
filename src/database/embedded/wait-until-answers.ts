import { setTimeout as sleep } from 'node:timers/promises'

import { Client, type ClientConfig } from 'pg'

import { hasCode } from '../../errors-code.ts'

const retryMilliseconds = 25
const connectMilliseconds = 5000

export type Answer = Client | 'not_yet' | 'absent'

/** Connects, or tells why not: the server is busy starting or stopping, or none listens. */
export async function tryConnect(config: ClientConfig): Promise<Answer> {
  const client = new Client({ ...config, connectionTimeoutMillis: connectMilliseconds })
  // A lost connection is told twice, by rejection and by this event, which would end the process if nobody listened.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (error) {
    // After a failed attempt there may be nothing to end.
    void client.end().catch(() => undefined)
    if (hasCode(error, 'ENOENT', 'ECONNREFUSED')) return 'absent'
    if (isPassing(error)) return 'not_yet'
    throw error
  }
}

/** Connects to a server that may just be starting, stopping or recovering; gives up after so many seconds. */
export async function waitUntilAnswers(config: ClientConfig, seconds = 10): Promise<Client> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const answer = await tryConnect(config)
    if (answer instanceof Client) return answer
    if (Date.now() > deadline) throw new Error(`the embedded PostgreSQL did not answer within ${seconds} s`)
    await sleep(retryMilliseconds)
  }
}

/** 57P03: it starts, stops or recovers. The others: it stopped while we connected. */
function isPassing(error: unknown): boolean {
  if (hasCode(error, '57P03', '57P01', 'ECONNRESET', 'EPIPE')) return true
  // The driver has no code for these two.
  return error instanceof Error && /terminated unexpectedly|timeout expired/.test(error.message)
}
