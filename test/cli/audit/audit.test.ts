import { randomUUID } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { type EndedRun, endRun } from '../../../src/database/work/job-runs.ts'
import { storeAuditHead } from '../../../src/worker/jobs.ts'
import { sealThrice, tamper } from '../../audit/sealed-trail.ts'
import { startService } from '../../support/service/start-service.ts'
import { databaseForTest } from '../../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'
import { createFileHeadStore } from '../../../src/audit/seal-heads.ts'

describe('audit verify', () => {
  test('reports an intact trail, and the verification itself is in the trail', async () => {
    const place = await sealedPlace()
    await place.keepHead()

    const ended = await place.run('audit', 'verify')

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/✓ \d+ events under 3 seals: unchanged since they were sealed\.\n$/)
    expect(await place.actions()).toContain('audit.verified')
  })

  test('without heads, the output states what is not proved', async () => {
    const place = await sealedPlace()
    await place.run('audit', 'export', '--output', 'trail.jsonl')

    const inDatabase = await place.run('audit', 'verify')
    const inFile = await runCommand(place.folder, ['audit', 'verify', '--export', 'trail.jsonl'])

    expect(inDatabase).toMatchObject({ code: 0, stdout: expect.stringContaining('There is no head at') })
    expect(inFile).toMatchObject({ code: 0, stdout: expect.stringContaining('No heads were compared') })
  })

  test('missing heads and heads that could not be stored are reported', async () => {
    const place = await sealedPlace()
    await place.noteRun({ outcome: 'ok', error: undefined, did: { kept: 3 } })
    const gone = await place.run('audit', 'verify')
    await place.noteRun({ outcome: 'failed', error: 'A disk is full.', did: undefined })
    const failed = await place.run('audit', 'verify')

    expect([gone.code, failed.code]).toEqual([1, 1])
    expect(gone.stdout).toMatch(/✗ .* unchanged since they were sealed, but the heads are missing\./)
    expect(gone.stdout).toMatch(
      /! There is no head at \/.*heads\.jsonl, but the service \(.+\) stored one at 20.* \(seal 3\)/,
    )
    expect(failed.stdout).toMatch(
      /! There is no head at \/.*heads\.jsonl: the service could not store one \(A disk is full\.\)/,
    )
  })

  test('names a resealed history by the heads of AUDIT_HEADS, and exits with 1', async () => {
    const place = await sealedPlace()
    await place.keepHead()
    await place.tamper(`update document_seals set hash = sha256('other') where number = 3`)

    const printed = await place.run('audit', 'verify')
    const ended = await place.run('audit', 'verify', '--json')

    expect(printed.stdout).toMatch(/\nChange nothing\. Copy the database [^\n]+ docs\/runbook.md, [^\n]+\n$/)
    expect(ended.code).toBe(1)
    expect(JSON.parse(ended.stdout)).toMatchObject({
      ok: false,
      seals: 3,
      heads: 1,
      left: { seal_edited: 1, seal_replaced: 1 },
      findings: [{ seal: 3 }, { seal: 3 }],
    })
  })

  test('verifies an export on a machine without the database, and finds a changed line', async () => {
    const place = await sealedPlace()
    await place.run('audit', 'export', '--output', 'trail.jsonl')
    const file = join(place.folder, 'trail.jsonl')
    const elsewhere = await makeWorkFolder()

    const right = await runCommand(elsewhere, ['audit', 'verify', '--export', file])
    await writeFile(file, (await readFile(file, 'utf8')).replace('"outcome":"ok"', '"outcome":"no"'))
    const changed = await runCommand(elsewhere, ['audit', 'verify', '--export', file])

    expect(right).toMatchObject({ code: 0, stderr: '' })
    expect(changed.code).toBe(1)
    expect(changed.stdout).toMatch(/✗ event edited: event [0-9a-f-]{36} was changed after it was sealed/)
    expect(changed.stdout).toMatch(/\nGet the file again, or export it again\. [^\n]+ docs\/runbook.md, [^\n]+\n$/)
  })

  test('a missing file, and a file that is not an export, are wrong use', async () => {
    const folder = await makeWorkFolder()
    await writeFile(join(folder, 'other.json'), '{}\n')

    const missing = await runCommand(folder, ['audit', 'verify', '--export', 'none.jsonl'])
    const other = await runCommand(folder, ['audit', 'verify', '--export', 'other.json'])

    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no readable file none.jsonl') })
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('The first line is not that of an audit export'),
    })
    expect(other.stderr).toContain('Name a file that `audit export` wrote in the format jsonl')
    expect(await runCommand(folder, ['audit', 'verify', '--export', '.'])).toMatchObject({ code: 2, stdout: '' })
  })

  test('unreachable heads fail the command, with the fix', async () => {
    const folder = await makeWorkFolder()
    await writeFile(join(folder, 'trail.jsonl'), '{"export":{}}\n')
    const settings = {
      AUDIT_HEADS: 's3://evidence/heads/',
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9',
      AWS_ACCESS_KEY_ID: 'x',
      AWS_SECRET_ACCESS_KEY: 'y',
    }

    const ended = await runCommand(folder, ['audit', 'verify', '--export', 'trail.jsonl'], { settings })

    expect(ended).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /s3:\/\/evidence\/heads\/, which AUDIT_HEADS names: Nothing answers at http:\/\/127\.0\.0\.1:9 .*Or give a copy/,
      ),
    })
  })

  test.each([
    ['none.jsonl', 'There is no readable file none.jsonl.'],
    ['.', 'There is no readable file ..'],
    ['empty.jsonl', 'empty.jsonl has no head. Name a file that AUDIT_HEADS wrote, or a copy of one.'],
    [
      'other.jsonl',
      'The heads cannot be read from other.jsonl: line 2 is not a head. Name a file that AUDIT_HEADS wrote',
    ],
  ])('malformed heads are wrong use: %s', async (file, says) => {
    const folder = await makeWorkFolder()
    await writeFile(join(folder, 'empty.jsonl'), '')
    await writeFile(join(folder, 'other.jsonl'), `{"number":1,"hash":"${'a'.repeat(64)}"}\n{"number":2}\n`)
    await writeFile(join(folder, 'trail.jsonl'), '{"export":{}}\n')

    const ended = await runCommand(folder, ['audit', 'verify', '--export', 'trail.jsonl', '--heads', file])

    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(says) })
    expect(ended.stderr.trim().split('\n')).toHaveLength(1)
  })
})

describe('audit export', () => {
  test('writes a file that only its owner can read, never overwrites one, and records the export', async () => {
    const place = await sealedPlace()

    const first = await place.run('audit', 'export', '--output', 'trail.jsonl')
    const again = await place.run('audit', 'export', '--output', 'trail.jsonl')

    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('trail.jsonl cannot be created (EEXIST)') })
    expect(await place.actions()).toContain('audit.exported')
  })

  test('of an unknown firm is wrong use; events of a firm that the platform removed are exported', async () => {
    const place = await sealedPlace()
    const [never, removed] = [randomUUID(), await place.firmOfEvents()]

    const wrong = await place.run('audit', 'export', '--firm', never, '--output', 'never.jsonl')
    const right = await place.run('audit', 'export', '--firm', removed, '--output', 'removed.jsonl')

    expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`There is no firm ${never}.`) })
    expect(await readdir(place.folder)).not.toContain('never.jsonl')
    expect(right).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^✓ [1-9]/) })
  })

  test('writes a CSV in which no spreadsheet runs a formula', async () => {
    const place = await sealedPlace()
    await place.run('audit', 'export', '--output', 'before.csv', '--format', 'csv')
    await place.tamper(`update document_event_persons set fields = fields || '{"user_agent": "=HYPERLINK(\\"x\\")"}'`)

    await place.run('audit', 'export', '--output', 'trail.csv', '--format', 'csv')
    const table = await readFile(join(place.folder, 'trail.csv'), 'utf8')

    expect(table.split('\n')[0]).toBe(
      'occurred_at,action,outcome,firm_id,document_id,version,actor_id,ip,user_agent,request_id,details,id,transaction_id,personal',
    )
    expect(table).toContain(`"'=HYPERLINK(""x"")"`)
    expect(table).not.toContain('"seal"')
  })
})

async function sealedPlace() {
  const folder = await makeWorkFolder()
  const heads = join(folder, 'heads', 'heads.jsonl')
  const settings = await databaseForTest()
  const service = await startService(settings)
  const { db } = service.app
  await sealThrice(db)
  return {
    folder,
    run: async (...words: string[]) =>
      runCommand(folder, words, { settings: { ...storedBelow(folder), ...settings, AUDIT_HEADS: heads } }),
    keepHead: async () =>
      storeAuditHead.run({ ...service.app, heads: createFileHeadStore(heads) }, new AbortController().signal),
    noteRun: async (ended: Pick<EndedRun, 'outcome' | 'error' | 'did'>) =>
      endRun(db, { task: storeAuditHead.name, instance: 'a test', startedAt: undefined, ...ended }),
    /** A firm that is not in the table of firms. */
    firmOfEvents: async () =>
      (
        await db
          .selectFrom('document_events')
          .select('firm_id')
          .where('firm_id', 'is not', null)
          .executeTakeFirstOrThrow()
      ).firm_id ?? '',
    tamper: async (...statements: string[]) => tamper(settings['DATABASE_URL'] ?? '', ...statements),
    actions: async () =>
      (await db.selectFrom('document_events').select('action').execute()).map(({ action }) => action),
  }
}
