import { sql } from 'kysely'
import { expect, it } from 'vitest'

import type { Db } from '../../../src/database/connection/client.ts'
import { listDocuments } from '../../../src/database/documents/list-documents.ts'
import { listApplications } from '../../../src/database/review/applications.ts'
import { type Membership, requireMembership } from '../../../src/database/people/check-access.ts'
import { confidentialRoles, rights } from '../../../src/people/rights.ts'
import type { FirmId, UserId } from '../../../src/vocabulary/vocabulary.ts'
import { rowsReadBy } from '../../support/database/rows-read.ts'
import { makeFirm, makeMember, type Person } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'

const many = 30_000
const pageSize = 50

/** A firm with many documents of others, newer than the member's. */
const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  const { app } = service
  const firm = await makeFirm(app)
  const [member, other] = [await makeMember(app, firm, 'firm_user'), await makeMember(app, firm, 'field_staff')]
  await insert(app.db, { firm, by: other.id, count: many, type: 'bank_statement' })
  await insert(app.db, { firm, by: member.id, count: 5, type: 'bank_statement', daysAgo: 900 })
  await insert(app.db, {
    firm,
    by: other.id,
    count: 5,
    type: 'registration_certificate',
    daysAgo: 900,
    isVerified: true,
  })
  await insert(app.db, { firm, by: other.id, count: 5, type: 'security_license', daysAgo: 900 })
  await sql`analyze`.execute(app.db)
  return { db: app.db, firm, member, other }
})

type Wanted = { firm: FirmId; by: UserId; count: number; type: string; daysAgo?: number; isVerified?: boolean }

async function insert(db: Db, { firm, by, count, type, daysAgo = 1, isVerified = false }: Wanted): Promise<void> {
  await sql`
    with d as (
      insert into documents (firm_id, id, document_type, current_version, created_by, created_at)
      select ${firm}, gen_random_uuid(), ${type}, 1, ${by}, now() - ${daysAgo}::int * interval '1 day' - n * interval '1 second'
      from generate_series(1, ${count}::int) n returning *
    )
    insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
      scan_status, uploaded_by, uploaded_at, review_status, reviewed_at)
    select firm_id, id, 1, 'a.pdf', 1, 'application/pdf', 's3', 'k', 'skipped', created_by, created_at,
      case when ${isVerified}::boolean then 'verified' else 'pending' end, case when ${isVerified}::boolean then now() end
    from d`.execute(db)
}

async function membershipOf(person: Person): Promise<Membership> {
  const caller = { userId: person.id, sessionId: undefined, apiKeyId: undefined }
  return requireMembership(scene.db, { caller, firmId: scene.firm, right: rights['documents.list'] })
}

const everything = { documentType: undefined, withDeleted: false }

it('a list of a member does not read the confidential documents of others', async () => {
  const { db, member } = scene
  const viewer = { membership: await membershipOf(member), confidentialRoles }
  const page = { limit: pageSize, after: undefined }

  const seen = await listDocuments(db, viewer, everything, page)
  const types = Object.groupBy(seen, ({ documentType }) => documentType)
  expect(Object.fromEntries(Object.entries(types).map(([type, of = []]) => [type, of.length]))).toEqual({
    bank_statement: 5,
    registration_certificate: 5,
    security_license: 5,
  })
  for (const filter of [everything, { ...everything, documentType: 'bank_statement' }])
    expect(await rowsReadBy(db, (trx) => listDocuments(trx, viewer, filter, page))).toBeLessThan(500)
})

it('a page of a member continues where the last one ended, and reads as little', async () => {
  const { db, member } = scene
  const viewer = { membership: await membershipOf(member), confidentialRoles }
  const ids: string[] = []
  let after: { at: string; id: string } | undefined
  for (let page = 0; page < 4; page += 1) {
    const rows = await listDocuments(db, viewer, everything, { limit: 4, after })
    ids.push(...rows.map(({ id }) => id))
    const last = rows.at(-1)
    if (last !== undefined) after = { at: last.createdAtExact, id: last.id }
    const next = { limit: 4, after }
    expect(await rowsReadBy(db, (trx) => listDocuments(trx, viewer, everything, next))).toBeLessThan(300)
  }
  expect(new Set(ids).size).toBe(15)
})

it('a member sees a confidential document of another while its current version is theirs', async () => {
  const { db, firm, member, other } = scene
  const viewer = { membership: await membershipOf(member), confidentialRoles }
  const filter = { ...everything, documentType: 'identity_document' }
  await insert(db, { firm, by: other.id, count: 1, type: filter.documentType })
  const list = async () => (await listDocuments(db, viewer, filter, { limit: 10, after: undefined })).length
  const addVersion = (version: number, by: UserId) =>
    sql`
      with d as (
        update documents set current_version = ${version} where firm_id = ${firm} and document_type = ${filter.documentType}
        returning *
      )
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, store, storage_key,
        scan_status, uploaded_by)
      select firm_id, id, ${version}, 'a.pdf', 1, 'application/pdf', 's3', 'k', 'skipped', ${by} from d`.execute(db)

  expect(await list()).toBe(0)
  await addVersion(2, member.id)
  expect(await list()).toBe(1)
  await addVersion(3, other.id)
  expect(await list()).toBe(0)
})

it('a page of applications reads no more rows than it has, with and without a status', async () => {
  const { db, firm } = scene
  await sql`
    insert into firm_applications (id, firm_id, status, created_at, updated_at)
    select gen_random_uuid(), ${firm}, case when n % 100 = 0 then 'approved' else 'rejected' end,
      now() - n * interval '1 minute', now()
    from generate_series(1, 10000) n`.execute(db)
  await sql`analyze firm_applications`.execute(db)
  const page = { limit: pageSize, after: undefined }
  for (const status of [undefined, 'approved', 'rejected'] as const)
    expect(await rowsReadBy(db, (trx) => listApplications(trx, status, page))).toBeLessThan(3 * pageSize)
})
