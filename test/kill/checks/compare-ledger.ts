import type { Client } from 'pg'

import type { Ledger } from '../clients/ledger.ts'
import type { VersionRow } from './read-names.ts'

/** Checks that the rows have everything that was promised, everything once, and no other content. */
export function compareLedger(ledger: Ledger, versions: VersionRow[]): string[] {
  const byDocument = new Map(versions.map((version) => [version.documentId, version]))
  const bySha256 = Map.groupBy(versions, ({ sha256 }) => sha256 ?? 'none')
  return [
    ...ledger.answered().flatMap((promise) => {
      const row = byDocument.get(promise.documentId)
      if (row === undefined) return [`lost: document ${promise.documentId} of cycle ${promise.cycle} was answered 201`]
      const isSame = row.sha256 === promise.sha256 && row.size === promise.size && row.firmId === promise.firmId
      return isSame ? [] : [`document ${promise.documentId} of cycle ${promise.cycle} became another file`]
    }),
    // Each file is sent once, or under one Idempotency-Key.
    ...[...bySha256.values()].flatMap((rows) =>
      rows.length > 1 ? [`${rows.length} documents of one file: ${rows.map((row) => row.documentId).join()}`] : [],
    ),
    ...[...bySha256.keys()]
      .filter((sha256) => ledger.findSent(sha256) === undefined)
      .map((sha256) => `a document of a file that nobody sent: ${sha256}`),
  ]
}

/** Checks that each key belongs to the one document that was answered under it. */
export async function compareKeys(ledger: Ledger, client: Client): Promise<string[]> {
  const { rows } = await client.query<{ key: string; document_id: string }>(
    'select key, document_id from document_idempotency_keys',
  )
  const documentOf = new Map(rows.map((row) => [row.key, row.document_id]))
  return ledger.answered().flatMap(({ idempotencyKey: key, documentId }) => {
    if (key === undefined || documentOf.get(key) === documentId) return []
    return [`document ${documentId} was answered under a key that stands for ${documentOf.get(key) ?? 'nothing'}`]
  })
}
