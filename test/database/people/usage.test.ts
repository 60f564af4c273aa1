import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { beforeEach, expect, it } from 'vitest'

import { readQuotaUsage, aggregateUsage } from '../../../src/database/people/quota-usage.ts'
import type { DocumentId, FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { migratedDatabase } from '../../support/database/migrated-database.ts'
import { makeFirm, makePerson } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { importAccessKey } from '../../../src/people/sessions/token-keys.ts'

const scene = sceneOfFile(async (closing) => {
  const db = await migratedDatabase(closing)
  const keys = { accessKey: await importAccessKey('a secret for tests that nobody else has') }
  const registry = { db, now: () => new Date(), keys }
  return { db, registry, person: await makePerson(registry) }
})

let firm: FirmId
beforeEach(async () => {
  firm = await makeFirm(scene.registry)
})

const usageOf = async (firmId: FirmId) => {
  const { usedBytes, usedDocuments } = await readQuotaUsage(scene.db, {
    firmId,
    defaultQuota: { bytes: undefined, documents: undefined, draftBytes: undefined },
  })
  return { bytes: usedBytes, documents: usedDocuments }
}

/** A full count, which is too slow for production. */
async function countOf(firmId: FirmId) {
  const { rows } = await sql<{ bytes: number; documents: number }>`
    select (select coalesce(sum(file_size), 0)::float8 from document_versions
            where firm_id = ${firmId} and bytes_state <> 'removed') as bytes,
      (select count(*)::int from documents where firm_id = ${firmId}) as documents`.execute(scene.db)
  return rows[0]
}

/** A row as the platform writes it. */
async function insertRow(firmId: FirmId, fileSize: number): Promise<DocumentId> {
  const id = randomUUID() as DocumentId
  await sql`
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by, is_verified)
    values (${id}, ${firmId}, 'tax_clearance', 'a.pdf', ${`security_firms/${firmId}/tax_clearance_${id}.pdf`}, ${fileSize},
      'application/pdf', ${scene.person.id}, false)`.execute(scene.db)
  return id
}

it('the total matches a count after every kind of change of a document', async () => {
  const other = await makeFirm(scene.registry)
  const [first, second, third] = [await insertRow(firm, 1000), await insertRow(firm, 500), await insertRow(firm, 7)]
  const change = (text: TemplateStringsArray, ...values: unknown[]) => sql(text, ...values).execute(scene.db)
  const both = async () => [await usageOf(firm), await usageOf(other)]
  const expectCounted = async () => expect(await both()).toEqual([await countOf(firm), await countOf(other)])

  expect(await usageOf(firm)).toEqual({ bytes: 1507, documents: 3 })
  // In order: other bytes under the same key; another location, which adds a version; another firm; the trash.
  await change`update firm_documents set file_size = 1400 where id = ${first}`
  expect(await usageOf(firm)).toEqual({ bytes: 1907, documents: 3 })
  await change`update firm_documents set file_path = file_path || 'x.pdf', file_size = 30 where id = ${second}`
  expect(await usageOf(firm)).toEqual({ bytes: 1937, documents: 3 })
  await change`update firm_documents set firm_id = ${other} where id = ${second}`
  expect(await both()).toEqual([
    { bytes: 1407, documents: 2 },
    { bytes: 530, documents: 1 },
  ])
  await change`delete from firm_documents where id = ${third}`
  expect(await usageOf(firm)).toEqual({ bytes: 1407, documents: 2 })
  await expectCounted()

  await aggregateUsage(scene.db)
  await expectCounted()
  await change`update document_versions set bytes_state = 'missing' where document_id = ${first}`
  expect(await usageOf(firm)).toEqual({ bytes: 1407, documents: 2 })
  await change`update document_versions set bytes_state = 'removed' where document_id = ${first}`
  expect(await usageOf(firm)).toEqual({ bytes: 7, documents: 2 })
  await change`update document_versions set bytes_state = 'present' where document_id = ${first}`
  await change`update document_versions set scan_status = 'clean', review_status = 'verified' where document_id = ${first}`
  expect(await usageOf(firm)).toEqual({ bytes: 1407, documents: 2 })
  await change`update document_versions set bytes_state = 'removed' where document_id = ${first}`
  await change`delete from documents where id in (${first}, ${third})`
  expect(await usageOf(firm)).toEqual({ bytes: 0, documents: 0 })
  await aggregateUsage(scene.db)
  await expectCounted()
})

it('a change that is rolled back does not count', async () => {
  await scene.db
    .transaction()
    .execute(async (trx) => {
      await sql`insert into documents (firm_id, id, document_type, current_version, created_by)
        values (${firm}, ${randomUUID()}, 'tax_clearance', 1, ${scene.person.id})`.execute(trx)
      throw new Error('undone')
    })
    .catch(() => undefined)

  expect(await usageOf(firm)).toEqual({ bytes: 0, documents: 0 })
})

it('while several processes aggregate and new changes arrive, every read sees all changes', async () => {
  let documents = 0
  const looks: boolean[] = []
  const writing = (async () => {
    for (let count = 0; count < 60; count += 1) {
      await insertRow(firm, 10)
      documents += 1
    }
  })()
  const summing = Array.from({ length: 3 }, async () => {
    for (let count = 0; count < 20; count += 1) await aggregateUsage(scene.db)
  })
  const looking = (async () => {
    for (let count = 0; count < 60; count += 1) {
      const least = documents
      const seen = await usageOf(firm)
      looks.push(seen.documents >= least && seen.documents <= documents + 1 && seen.bytes === seen.documents * 10)
    }
  })()
  await Promise.all([writing, looking, ...summing])
  await aggregateUsage(scene.db)
  const { rows } = await sql`select from document_usage_changes where firm_id = ${firm}`.execute(scene.db)

  expect(looks.filter((isRight) => !isRight)).toEqual([])
  expect(await usageOf(firm)).toEqual({ bytes: 600, documents: 60 })
  expect(rows).toEqual([])
})
