import type { App } from '../../../src/app.ts'
import type { DocumentId } from '../../../src/vocabulary/vocabulary.ts'

/**
 * Rows of the platform that do not show the verified version, or else the newest servable one, and versions that a trigger created because it
 * treated our write as the platform's. Empty if all is well.
 */
export async function compareWithPlatform({ db }: App, id: string): Promise<string[]> {
  const documentId = id as DocumentId // a test's own
  const row = await db.selectFrom('firm_documents').selectAll().where('id', '=', documentId).executeTakeFirst()
  const document = await db.selectFrom('documents').selectAll().where('id', '=', documentId).executeTakeFirst()
  const versions = await db
    .selectFrom('document_versions')
    .selectAll()
    .where('document_id', '=', documentId)
    .orderBy('version', 'desc')
    .execute()
  const ofTriggers = versions.filter(({ is_platforms: is }) => is).map(({ version }) => `version ${version}`)
  const servable = versions.filter(({ scan_status: status }) => status === 'clean' || status === 'skipped')
  const shown = servable.find(({ review_status: status }) => status === 'verified') ?? servable[0]
  if (document?.deleted_at !== null || shown === undefined)
    return [...ofTriggers, ...(row === undefined ? [] : ['a row that should not be there'])]

  if (document.shown_version !== shown.version) return [...ofTriggers, `version ${document.shown_version} is noted`]
  const isVerified = shown.review_status === 'verified'
  const expected = {
    firm_id: document.firm_id,
    document_type: document.document_type,
    file_name: shown.file_name,
    file_size: shown.file_size,
    mime_type: shown.mime_type,
    file_path: `${shown.store === 's3' ? '' : 'uploads/'}${shown.storage_key}`,
    uploaded_by: shown.uploaded_by,
    created_at: document.created_at,
    is_verified: isVerified,
    ...(isVerified && { verified_by: shown.reviewed_by, verified_at: shown.reviewed_at }),
    ...(!isVerified && { verified_by: null, verified_at: null }),
  }
  const fields = Object.keys(expected) as (keyof typeof expected)[] // its own fields
  return [...ofTriggers, ...fields.filter((field) => asText(row?.[field]) !== asText(expected[field]))]
}

function asText(value: unknown): string {
  return JSON.stringify(value ?? null)
}
