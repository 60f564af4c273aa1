import { expect, test } from 'vitest'

import { verifyBackup } from '../../../src/cli/backup/verify-backup.ts'
import { loadConfigWithoutTokens } from '../../../src/config/load-config.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { emptyFolder, makeBackup, locationWithDocuments } from '../backup-scene.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'
import { CommandFailed } from '../../../src/cli/printing/explain-failure.ts'

test('an interrupted verification claims correctness only for the files it read', async () => {
  const { service } = await locationWithDocuments({ documents: 1 })
  const folder = await emptyFolder()
  await makeBackup(service, folder)
  const { print, said } = notingPrinter()
  const log = createLogger({ level: 'silent', isTerminal: false })
  const ending = new AbortController()
  // The wait time is read once the backup is open.
  const patience = {
    get patienceMs() {
      ending.abort()
      return 0
    },
  }
  const needs = { config: loadConfigWithoutTokens({}), log, print, signal: ending.signal, patience }

  const ended = verifyBackup(needs, { path: folder }, { concurrency: 1 })

  await expect(ended).rejects.toThrow(CommandFailed)
  expect(said.at(-2)).toMatch(/^✗ \S+: 0 rows, 0 files, 0 B: no problem so far\.$/)
  expect(said.at(-1)).toContain('says nothing about the rest')
})
