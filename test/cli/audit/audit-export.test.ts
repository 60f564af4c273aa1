import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { exportAudit } from '../../../src/cli/audit/export-audit.ts'
import { openDatabase } from '../../../src/database/connection/client.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'
import { databaseForTest } from '../../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'

test('a failed export leaves no file', async () => {
  const folder = await makeWorkFolder()
  const log = createLogger({ level: 'silent', isTerminal: false })
  const { db } = openDatabase({ connectionString: 'postgresql://app@127.0.0.1:9/nobody' }, log)
  onTestFinished(() => db.destroy())
  const needs = { db, ...notingPrinter(), signal: new AbortController().signal }

  const ended = exportAudit(needs, { output: join(folder, 'trail.jsonl'), format: 'jsonl' })

  await expect(ended).rejects.toThrow('ECONNREFUSED')
  expect(await readdir(folder)).toEqual([])
})

test('a time range that ends before it begins is wrong use and creates no file', async () => {
  const folder = await makeWorkFolder()
  const settings = { ...(await databaseForTest()), ...storedBelow(folder) }
  const words = ['audit', 'export', '--output', 'trail.jsonl', '--from', '2026-11-02', '--to', '2026-11-01']

  const ended = await runCommand(folder, words, { settings })

  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--from must be before --to') })
  expect(await readdir(folder)).not.toContain('trail.jsonl')
})
