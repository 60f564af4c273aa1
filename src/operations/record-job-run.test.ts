import { afterAll, expect, test } from 'vitest'

import { openDatabase } from '../database/connection/client.ts'
import { createLogger } from '../logging/logger.ts'
import { recordRun } from './record-job-run.ts'

const lines: string[] = []
const log = createLogger({ level: 'warn', isTerminal: false, destination: { write: (line) => void lines.push(line) } })
const { db } = openDatabase({ connectionString: 'postgres://nobody@127.0.0.1:1/none' }, log)
afterAll(() => db.destroy())

test('a run that cannot be recorded still does its work, and is logged', async () => {
  const needs = { db, log, instance: 'here:1' }

  expect(await recordRun(needs, { task: 'purge' }, async () => ({ purged: 3 }))).toEqual({ purged: 3 })
  await expect(
    recordRun(needs, { task: 'purge' }, async () => {
      throw new Error('S3 is away.')
    }),
  ).rejects.toThrow('S3 is away.')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject(
    [1, 2, 3, 4].map(() => ({ event: 'run_not_recorded', task: 'purge', level: 'warn' })),
  )
})
