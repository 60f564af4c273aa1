import type { App } from '../../../src/app.ts'

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
