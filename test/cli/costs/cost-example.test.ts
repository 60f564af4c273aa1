import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { makeFirm } from '../../support/people/people.ts'
import { startService } from '../../support/service/start-service.ts'
import { databaseForTest } from '../../support/cli/database-settings.ts'
import { checkout, storedBelow, makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'

test('the example of docs/cost.md is the output of the command for such a firm', async () => {
  const page = await readFile(join(checkout, 'docs/cost.md'), 'utf8')
  const [, typed = '', shown = ''] = /```\n\$ \.\/bin\/paniq-docs (cost estimate[^\n]*)\n(.*?)```/s.exec(page) ?? []
  const folder = await makeWorkFolder()
  const settings = { ...(await databaseForTest()), ...storedBelow(folder) }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const firm = await makeFirm(service.app)
  await seedExample(service.app.db, firm)

  const words = typed.replace(exampleFirm, firm).split(' ')
  const ended = await runCommand(folder, words, { settings })

  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout.replaceAll(firm, exampleFirm)).toBe(shown)
})

const exampleFirm = '0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b'

/** Of 20 files 12 are scans of one page, 7 of several, and one is a photograph. */
const exampleBytes = sql`case when n % 20 < 12 then 5000 + n * 37 % 25000
  when n % 20 < 19 then 30000 + n * 811 % 270000 else 500000 + n * 997 % 500000 end`

/** 2,000 files uploaded evenly over two years, 400 downloads in the last month, 200 files removed over 200 days. */
async function seedExample(db: Db, firm: FirmId): Promise<void> {
  await sql`
    with files as (
      select n, gen_random_uuid() as id, ${exampleBytes} as bytes, now() - make_interval(days => n * 7 % 730, hours => 1) as at
      from generate_series(1, 2000) n
    ),
    d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      select ${firm}::uuid, id, 'tax_clearance', 1, gen_random_uuid() from files
    ),
    v as (
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
        scan_status, uploaded_by, uploaded_at)
      select ${firm}::uuid, id, 1, 'clearance.pdf', bytes, 'application/pdf', 's3', 'security_firms/' || id, 'skipped',
        gen_random_uuid(), at
      from files
      returning *
    ),
    b as (
      insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, bytes)
      select firm_id, document_id, id, store, storage_key, 'live', file_size from v
    )
    insert into document_events (occurred_at, firm_id, document_id, version, action, outcome, request_id, personal_commitment)
    select now() - make_interval(days => n % 30, hours => 1), ${firm}::uuid, id, 1, 'document.downloaded', 'ok',
      'example', sha256('')
    from files where n % 5 = 0`.execute(db)
  await sql`
    with disposals as (
      insert into document_disposals (firm_id, document_id, document_type, created_by, created_at, deleted_at, versions,
        why, disposed_by, request_id, disposed_at)
      select ${firm}::uuid, gen_random_uuid(), 'tax_clearance', gen_random_uuid(), now(), now(),
        jsonb_build_array(jsonb_build_object('version', 1, 'bytes', ${exampleBytes})), 'an example', 'an example', 'example',
        now() - make_interval(days => n, hours => 1)
      from generate_series(0, 199) n
      returning *
    )
    insert into document_blobs (disposal_id, firm_id, document_id, store, storage_key, state, bytes, changed_at)
    select id, firm_id, document_id, 's3', id::text, 'hidden', (versions -> 0 ->> 'bytes')::bigint, disposed_at
    from disposals`.execute(db)
}
