import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { requireMembership } from '../../../src/database/people/check-access.ts'
import { checklistOf } from '../../../src/documents/review/checklist.ts'
import { rights } from '../../../src/people/rights.ts'
import { rowsReadBy } from '../../support/database/rows-read.ts'
import { makeFirm, makeMember } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { app: service.app }
})

type History = {
  /** How the versions of all documents but one in ten thousand were decided. */
  status: 'pending' | 'verified' | 'rejected'
  versions?: number
  inTrash?: boolean
}

/** The documents of a new firm, and how many rows its checklist reads, before and after the statistics are up to date. */
async function rowsOfChecklist(count: number, { status, versions = 1, inTrash = false }: History) {
  const { app } = scene
  const firmId = await makeFirm(app)
  const { id: userId } = await makeMember(app, firmId)
  await sql`
    with d as (
      insert into documents (firm_id, id, document_type, current_version, created_by)
      select ${firmId}, gen_random_uuid(), (array['tax_clearance', 'bank_statement', 'insurance_certificate'])[1 + n % 3],
        ${versions}, ${userId}
      from generate_series(1, ${count}::int) n returning *
    )
    insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
      scan_status, uploaded_by, uploaded_at, review_status)
    select d.firm_id, d.id, n, 'a.pdf', 1, 'application/pdf', 's3', 'k', 'skipped', d.created_by,
      now() - interval '1 year' + n * interval '1 day' + random() * interval '1 hour', ${status}
    from d, generate_series(1, ${versions}::int) n`.execute(app.db)
  if (inTrash) await sql`update documents set deleted_at = now() where firm_id = ${firmId}`.execute(app.db)
  const caller = { userId, sessionId: undefined, apiKeyId: undefined }
  const membership = await requireMembership(app.db, { caller, firmId, right: rights['firm.checklist'] })
  const items = await checklistOf(app.db, membership, new Date())
  const read = async () => await rowsReadBy(app.db, (trx) => checklistOf(trx, membership, new Date()))
  const atOnce = await read()
  await sql`analyze documents, document_versions, document_types`.execute(app.db)
  return { states: new Set(items.map(({ state }) => state)), atOnce, later: await read() }
}

const histories: Record<string, History> = {
  'that nobody has decided on': { status: 'pending' },
  'that are verified': { status: 'verified' },
  'that are rejected': { status: 'rejected' },
  'with four verified versions each': { status: 'verified', versions: 4 },
  'with four rejected versions each': { status: 'rejected', versions: 4 },
  'in the trash': { status: 'verified', inTrash: true },
}

for (const [name, history] of Object.entries(histories))
  it(`the checklist reads as much of 20,000 documents ${name} as of 20`, { timeout: 120_000 }, async () => {
    const few = await rowsOfChecklist(20, history)
    const many = await rowsOfChecklist(20_000, history)

    expect(many.states).toEqual(new Set(history.inTrash === true ? ['missing'] : ['missing', history.status]))
    expect(many.states).toEqual(few.states)
    expect(many.atOnce).toBeLessThan(200)
    expect(many.later).toBeLessThan(200)
  })
