import { pino } from 'pino'

import type { App } from '../../../src/app.ts'
import { type Db, openDatabase, unwatched } from '../../../src/database/connection/client.ts'

/** The number of statements meanwhile, including beginnings and ends of transactions. */
export async function countStatements({ metrics }: App, work: () => Promise<unknown>): Promise<number> {
  const before = await countAll(metrics)
  await work()
  return (await countAll(metrics)) - before
}

async function countAll({ databaseStatements }: App['metrics']): Promise<number> {
  const { values } = await databaseStatements.get()
  return values.find(({ metricName }) => metricName?.endsWith('_count') === true)?.value ?? 0
}

/** A connection that notes the text of each statement. */
export function openNotingDatabase(closing: AsyncDisposableStack, url: string): { db: Db; statements: string[] } {
  const statements: string[] = []
  const { db } = openDatabase({ connectionString: url }, pino({ level: 'silent' }), {
    watch: {
      ...unwatched,
      query(text, query) {
        statements.push(text)
        return query()
      },
    },
  })
  closing.defer(() => db.destroy())
  return { db, statements }
}
