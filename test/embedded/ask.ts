import type { ClientConfig } from 'pg'

import { waitUntilAnswers } from '../../src/database/embedded/wait-until-answers.ts'

/** Runs statements on a connection of their own and answers all values of the last one's rows. */
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
