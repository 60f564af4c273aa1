import { sql } from 'kysely'

import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket, listFolder } from '../../support/s3/list-everything.ts'
import type { TestService } from '../../support/service/start-service.ts'

const tables = [
  'registered_users',
  'security_firms',
  'firm_users',
  'document_types',
  'firm_documents',
  'documents',
  'document_versions',
  'document_blobs',
  'document_idempotency_keys',
]

/** All data that a rejected request must leave unchanged: files, objects and rows, except the audit trail. */
export async function listStored(service: TestService, bucket?: FreshBucket): Promise<unknown> {
  const counts: Record<string, number | undefined> = {}
  for (const table of tables) {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from ${sql.id(table)}`.execute(service.app.db)
    counts[table] = rows[0]?.n
  }
  return {
    counts,
    files: (await listFolder(service.folder)).filter(({ kind, path }) => kind !== 'folder' && !isDatabase(path)),
    objects: bucket === undefined ? [] : await listBucket(bucket.client, bucket.name),
  }
}

function isDatabase(path: string): boolean {
  return path.startsWith('data/postgres')
}
