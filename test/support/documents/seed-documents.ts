import { createHash, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { sql } from 'kysely'

import type { Db } from '../../../src/database/connection/client.ts'
import { storageKeyOf } from '../../../src/storage/storage-key.ts'
import type { DocumentId, FirmId, Sha256, StorageKey, StoreId, UserId } from '../../../src/vocabulary/vocabulary.ts'
import { makePdf } from '../files/make-files.ts'
import type { Person } from '../people/people.ts'
import type { TestService } from '../service/start-service.ts'

export type SeededDocument = { id: DocumentId; firmId: FirmId; key: StorageKey; size: number; sha256: Sha256 }

type Ground = { db: Db; uploadsDir: string; storeId: StoreId; firmId: FirmId; uploadedBy: UserId }

const atOnce = 250

/** Creates documents as after uploads to a local disk, in less time. */
export async function seedDocuments(ground: Ground, sizes: number[]): Promise<SeededDocument[]> {
  const seeded: SeededDocument[] = []
  for (let start = 0; start < sizes.length; start += atOnce) {
    const some = await Promise.all(sizes.slice(start, start + atOnce).map((size) => putFile(ground, size)))
    await insertRows(ground, some)
    seeded.push(...some)
  }
  return seeded
}

/** The same, for a service in this process. */
export async function seedDocumentsOf(
  { app: { db, config, stores } }: TestService,
  { firm, admin }: { firm: FirmId; admin: Person },
  sizes: number[],
): Promise<SeededDocument[]> {
  const { uploadsDir } = config
  return await seedDocuments(
    { db, uploadsDir, storeId: stores.local.storeId, firmId: firm, uploadedBy: admin.id },
    sizes,
  )
}

/** Typical documents of firms: 60 % scans of a page, 35 % of several, 5 % photographs; about 105 KB on average. */
export function defaultSizes(count: number, random: () => number = Math.random): number[] {
  const between = (least: number, most: number) => Math.round(least + random() * (most - least))
  return Array.from({ length: count }, () => {
    const kind = random()
    if (kind < 0.6) return between(5_000, 30_000)
    return kind < 0.95 ? between(30_000, 300_000) : between(500_000, 1_000_000)
  })
}

async function putFile({ uploadsDir, firmId }: Ground, size: number): Promise<SeededDocument> {
  const id = randomUUID() as DocumentId // a new id, used for nothing else
  const key = storageKeyOf({ firmId, documentType: 'tax_clearance', uuid: randomUUID(), extension: 'pdf' })
  const bytes = makePdf({ bytes: size, seed: id })
  const path = join(uploadsDir, key)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, bytes, { mode: 0o600 })
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // a SHA-256 in hex has the form of the brand
  return { id, firmId, key, size, sha256 }
}

async function insertRows({ db, storeId, firmId, uploadedBy }: Ground, documents: SeededDocument[]): Promise<void> {
  const rows = JSON.stringify(documents)
  await sql`
    with given as (select * from jsonb_to_recordset(${rows}::jsonb) as g (id uuid, key text, size int, sha256 text)),
    d as (
      insert into documents (firm_id, id, document_type, current_version, shown_version, created_by)
      select ${firmId}::uuid, id, 'tax_clearance', 1, 1, ${uploadedBy}::uuid from given
    ),
    v as (
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
        store_id, storage_key, scan_status, uploaded_by)
      select ${firmId}::uuid, id, 1, 'clearance.pdf', size, 'application/pdf', sha256, 'local', ${storeId}::uuid, key,
        'skipped', ${uploadedBy}::uuid
      from given
      returning *
    ),
    b as (
      insert into document_blobs (firm_id, document_id, version_id, store, store_id, storage_key, state, bytes)
      select firm_id, document_id, id, store, store_id, storage_key, 'live', file_size from v
    )
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
      is_verified, created_at, updated_at)
    select id, ${firmId}::uuid, 'tax_clearance', 'clearance.pdf', 'uploads/' || key, size, 'application/pdf',
      ${uploadedBy}::uuid, false, now(), now()
    from given`.execute(db)
}
