import { api } from '../api/client.ts'
import { dataOf } from '../api/problem.ts'
import { refreshFirm, type StoredDocument } from '../api/queries.ts'
import { pathOf, type Place } from './document-queries.ts'

/** The service answers with a link instead of the file itself. */
const asLink = { accept: 'application/json' }

/** Saves the file of a version under its own name. The link works for a while and for this file alone. */
export async function download(place: Place, version?: number): Promise<void> {
  const path = pathOf(place)
  const answer =
    version === undefined
      ? await dataOf(
          api.GET('/api/v1/security-firms/{firm_id}/documents/{id}/download', { params: { path }, headers: asLink }),
        )
      : await dataOf(
          api.GET('/api/v1/security-firms/{firm_id}/documents/{id}/versions/{n}/download', {
            params: { path: { ...path, n: version } },
            headers: asLink,
          }),
        )
  save(answer)
}

/** Saves all documents of a firm. The browser itself writes them to the disk, however large they are. */
export async function downloadArchive(firmId: string): Promise<void> {
  save(
    await dataOf(
      api.GET('/api/v1/security-firms/{firm_id}/documents.zip', {
        params: { path: { firm_id: firmId } },
        headers: asLink,
      }),
    ),
  )
}

/** Follows a link that the service answered. */
function save(answer: unknown): void {
  // With this `accept` the answer is the link.
  const { url } = answer as { url: string }
  const link = document.createElement('a')
  link.href = url
  link.rel = 'noreferrer'
  link.download = ''
  link.click()
}

/** Moves a document into the trash; returns how to undo it. */
export async function removeDocument({ firm_id: firmId, id }: StoredDocument): Promise<() => Promise<void>> {
  const place = { firmId, documentId: id }
  await dataOf(api.DELETE('/api/v1/security-firms/{firm_id}/documents/{id}', { params: { path: pathOf(place) } }))
  await refreshFirm(firmId)
  return () => restoreDocument(place)
}

export async function restoreDocument(place: Place): Promise<void> {
  await dataOf(api.POST('/api/v1/security-firms/{firm_id}/documents/{id}/restore', { params: { path: pathOf(place) } }))
  await refreshFirm(place.firmId)
}

/** Makes a copy of an older version the newest one, and returns the document with it. */
export async function restoreVersion(place: Place, version: number): Promise<StoredDocument> {
  const document = await dataOf(
    api.POST('/api/v1/security-firms/{firm_id}/documents/{id}/versions/{n}/restore', {
      params: { path: { ...pathOf(place), n: version } },
    }),
  )
  await refreshFirm(place.firmId)
  return document
}
