import type { App } from '../../../src/app.ts'

/** How often the database was asked meanwhile, beginnings and ends of transactions among it. */
export async function countStatements({ metrics }: App, work: () => Promise<unknown>): Promise<number> {
  const before = await countAll(metrics)
  await work()
  return (await countAll(metrics)) - before
}

async function countAll({ databaseStatements }: App['metrics']): Promise<number> {
  const { values } = await databaseStatements.get()
  return values.find(({ metricName }) => metricName?.endsWith('_count') === true)?.value ?? 0
}
