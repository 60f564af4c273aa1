import { readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'

import { uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { startService } from '../support/service/start-service.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import {
  storedBelow,
  makeWorkFolder,
  runCommand,
  type Settings,
  startOnTerminal,
  launcher,
} from '../support/cli/run-command.ts'

describe('verify', () => {
  test('prints that all is right and how much it read, and exits with 0', async () => {
    const place = await documentsOnDisk(3)

    const ended = await place.run('verify')

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/^Reading 3 files, 6.0 KB, here\.\n✓ 3 files, 6.0 KB: no problem found\.\n$/)
  })

  test('does not report success if all files are elsewhere, but prints how to check them', async () => {
    const place = await documentsOnDisk(2)
    const settings = { ...place.settings, UPLOADS_DIR: join(place.folder, 'other') }

    const { code, stdout } = await runCommand(place.folder, ['verify'], { settings })

    expect(code).toBe(0)
    expect(stdout).toContain('in a store that is not configured: 2 files.\n! No file was checked here')
    expect(stdout).toMatch(/set UPLOADS_DIR to that folder, with its hidden \.store-id\.\n$/)
    expect(stdout).not.toContain('USE_S3_STORAGE')
    expect(stdout).not.toContain('✓')
  })

  test('names each finding and exits with 1', async () => {
    const place = await documentsOnDisk(3)
    const [missing, wrong] = place.documents
    await rm(place.pathOf(missing?.key))
    await writeFile(place.pathOf(wrong?.key), makePdf({ bytes: 2001, seed: 'other bytes' }))

    const ended = await place.run('verify')

    expect(ended).toMatchObject({ code: 1, stderr: '' })
    expect(ended.stdout).toContain(
      `✗ missing: document ${missing?.id} version 1 of firm ${place.firmId}, ${missing?.key} on disk ${place.storeId}: there is no file under its key\n`,
    )
    expect(ended.stdout).toContain(`✗ wrong: document ${wrong?.id} version 1`)
    expect(ended.stdout).toMatch(
      /✗ 3 files, 6\.0 KB: 1 missing, 1 wrong\.\nDownloads of missing .+ docs\/runbook\/missing-or-corrupt\.md says .+\n$/,
    )
  })

  test('--json prints one object, and the report has every finding', async () => {
    const place = await documentsOnDisk(2)
    const [wrong, missing] = place.documents
    await rm(place.pathOf(missing?.key))
    await writeFile(place.pathOf(wrong?.key), 'cut')
    const report = join(place.folder, 'report.jsonl')

    const { code, stdout } = await place.run('verify', '--json', '--report', report)

    const about = { firm_id: place.firmId, version: 1, store: 'local', store_id: place.storeId }
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      complete: true,
      share: 1,
      read: true,
      files: 2,
      bytes: 4001,
      not_here: 0,
      left: { missing: 1, wrong: 1, orphan: 0 },
      findings: {
        missing: { count: 1, first: [{ ...about, document_id: missing?.id, key: missing?.key }] },
        wrong: { count: 1, first: [{ ...about, document_id: wrong?.id, why: 'it has 3 bytes instead of 2000' }] },
        orphan: { count: 0, first: [] },
      },
      notes: [],
    })
    const lines = (await readFile(report, 'utf8')).trim().split('\n')
    expect(new Set(lines.map((line) => (JSON.parse(line) as { key: string }).key))).toEqual(
      new Set([wrong?.key, missing?.key]),
    )
    expect(lines).toHaveLength(2)
  })

  test('shortens a long list on the terminal, with the number of further findings', async () => {
    const place = await documentsOnDisk(1)
    for (let number = 0; number < 25; number += 1) await place.leaveStray(number)

    const ended = await place.run('verify', '--no-read')

    expect(ended.stdout.match(/✗ orphan: /g)).toHaveLength(20)
    expect(ended.stdout).toContain('… and 5 more orphan; --report FILE has them all.')
    expect(ended.stdout).toContain('25 orphan.')
  })

  test('repairs many orphans older than a day with --many', async () => {
    const place = await documentsOnDisk(1)
    const old = await place.leaveStray(1, new Date(Date.now() - 25 * 3_600_000))

    const refused = await place.run('verify', '--repair')
    expect(refused).toMatchObject({ code: 1, stderr: '' })
    expect(refused.stdout).toContain('add --many')
    expect(await readFile(place.pathOf(old), 'utf8')).toBe('orphan 1')

    const repaired = await place.run('verify', '--repair', '--many')
    expect(repaired).toMatchObject({ code: 0, stderr: '' })
    expect(repaired.stdout).toContain(`✓ quarantined: ${old} on disk ${place.storeId}, 8 B, 25 h old`)
    expect(await readFile(place.pathOf(`quarantine/${old}`), 'utf8')).toBe('orphan 1')
    expect(await place.run('verify')).toMatchObject({ code: 0 })
  })

  test('a sample checks a part of the documents', async () => {
    const place = await documentsOnDisk(12)

    const { stdout, code } = await place.run('verify', '--sample', '5%', '--json')

    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ share: 0.05 })
    expect((JSON.parse(stdout) as { files: number }).files).toBeLessThan(12)
  })

  test.each([
    [['--sample', '5'], 'must be a percentage, more than 0% and at most 100%, such as 5%'],
    [['--sample', '0%'], 'must be a percentage, more than 0% and at most 100%, such as 5%'],
    [['--sample', '101%'], 'must be a percentage, more than 0% and at most 100%, such as 5%'],
    [['--many'], '--many works only with --repair'],
  ])('with %s exits with 2', async (words, says) => {
    const folder = await makeWorkFolder()
    const ended = await runCommand(folder, ['verify', ...words])
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain(says)
  })

  test('a terminal shows a progress bar', async () => {
    const place = await documentsOnDisk(2)
    const command = startOnTerminal(place.folder, `${launcher} verify`, place.settings)

    const { stdout } = await command.ended()

    expect(stdout).toContain('of 2 files')
    expect(stdout).toContain('no problem found')
  })
})

/** A database and a disk with documents of 2000 bytes and more, and commands on them. */
async function documentsOnDisk(count: number) {
  const folder = await makeWorkFolder()
  const settings: Settings = { ...(await databaseForTest()), ...storedBelow(folder) }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const { app, url } = service
  const firmId = await makeFirm(app)
  const member = await makeMember(app, firmId)
  const documents: { id: string; key: string }[] = []
  for (let number = 0; number < count; number += 1) {
    const { id } = await uploadDocument(url, firmId, member, { bytes: makePdf({ bytes: 2000 + number }) })
    const { rows } = await sql<{ storage_key: string }>`
      select storage_key from document_versions where document_id = ${id}`.execute(app.db)
    documents.push({ id, key: rows[0]?.storage_key ?? 'none' })
  }
  const pathOf = (key = 'none') => join(folder, 'uploads', key)

  return {
    folder,
    settings,
    firmId,
    documents,
    pathOf,
    storeId: app.stores.local.storeId,
    run: (...words: string[]) => runCommand(folder, words, { settings }),
    async leaveStray(number: number, writtenAt = new Date()): Promise<string> {
      const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
      const key = `security_firms/${firmId}/tax_clearance_${id}.pdf`
      await writeFile(pathOf(key), `orphan ${number}`)
      await utimes(pathOf(key), writtenAt, writtenAt)
      return key
    },
  }
}
