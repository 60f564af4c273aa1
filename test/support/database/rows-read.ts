import { type KyselyPlugin, RawNode, sql } from 'kysely'

import type { Db, Tx } from '../../../src/database/connection/client.ts'

type Plan = {
  'Node Type': string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: Plan[]
}

/**
 * The number of rows that the scans of the statements read, also those that they dropped, with plans that serve every value.
 * The statements run, and return no rows.
 */
export async function rowsReadBy(db: Db, work: (trx: Tx) => Promise<unknown>): Promise<number> {
  const plans: Plan[] = []
  const explaining: KyselyPlugin = {
    transformQuery: ({ node }) => RawNode.create(['explain (analyze, timing off, format json) ', ''], [node]),
    async transformResult({ result }) {
      const [row] = result.rows as { 'QUERY PLAN': [{ Plan: Plan }] }[]
      if (row !== undefined) plans.push(row['QUERY PLAN'][0].Plan)
      return { ...result, rows: [] }
    },
  }
  await db.transaction().execute(async (trx) => {
    await sql`set local plan_cache_mode = force_generic_plan`.execute(trx)
    await work(trx.withPlugin(explaining))
  })
  if (plans.length === 0) throw new Error('no statement ran')
  return plans.reduce((rows, plan) => rows + rowsOf(plan), 0)
}

function rowsOf(plan: Plan): number {
  const { 'Actual Loops': loops, Plans: plans = [] } = plan
  const own = plan['Node Type'].includes('Scan') && plan['Node Type'] !== 'Subquery Scan' ? plan['Actual Rows'] : 0
  const dropped = (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Index Recheck'] ?? 0)
  return (own + dropped) * loops + plans.reduce((rows, each) => rows + rowsOf(each), 0)
}
