import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { databaseForTest } from '../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand } from '../support/cli/run-command.ts'

test('commands that neither issue nor check tokens need no token key; commands on documents or their trail need it', async () => {
  const folder = await makeWorkFolder()
  const { JWT_SECRET_KEY: _key, ...database } = await databaseForTest()
  await writeFile(join(folder, 'trail.jsonl'), '{"export":{}}\n')
  const settings = { ...database, ...storedBelow(folder) }
  const run = async (words: string, input?: string) =>
    runCommand(folder, words.split(' '), { settings, ...(input !== undefined && { input }) })
  const named = '--email thandi@firm.example --first-name Thandi --last-name Nkosi --password-stdin'

  const without = [
    await run('db migrate'),
    await run(`users create ${named}`, 'correct horse battery'),
    await run('cost estimate'),
  ]
  const trail = await run('audit verify --export trail.jsonl')
  const backup = await run('backup verify .')
  const openers = [await run('verify'), await run('audit verify'), await run('audit export --output all.jsonl')]

  expect(without.map(({ code, stderr }) => [code, stderr])).toEqual(without.map(() => [0, '']))
  expect(trail).toMatchObject({ stderr: '', stdout: expect.stringContaining('✗ 0 events under 0 seals') })
  expect(backup.stderr).toMatch(/^There is no backup in /)
  for (const refused of openers)
    expect(refused).toMatchObject({ stdout: '', stderr: expect.stringMatching(/^JWT_SECRET_KEY is not set\. /) })
})
