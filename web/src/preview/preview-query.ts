import { queryOptions } from '@tanstack/react-query'

import { api } from '../api/client.ts'
import { dataOf, Failure } from '../api/problem.ts'
import type { StoredDocument } from '../api/queries.ts'

/** `bytes` is undefined if the store lets no page of this origin read it; the link works all the same. */
export type PreviewFile = { url: string; bytes: Blob | undefined }

const shownTypes = new Set(['application/pdf', 'image/jpeg', 'image/png', 'image/webp'])

export function canPreview({ mime_type: type, scan_status: scan }: StoredDocument): boolean {
  return shownTypes.has(type) && scan !== 'infected'
}

/** The name of a version in the preview. */
export function versionName({ id, version }: Pick<StoredDocument, 'id' | 'version'>): string {
  return `${id}/${version}`
}

/** A PDF that no page of this origin may read. */
export function isBlocked({ mime_type: type }: StoredDocument, file: PreviewFile | undefined): boolean {
  return type === 'application/pdf' && file !== undefined && file.bytes === undefined
}

/** The file of one version. Each load is a download in the history of the document. */
export const previewQuery = ({ firm_id: firm, id, version }: Pick<StoredDocument, 'firm_id' | 'id' | 'version'>) =>
  queryOptions({
    queryKey: ['preview', firm, id, version],
    queryFn: async ({ signal }): Promise<PreviewFile> => {
      const answer = await dataOf(
        api.GET('/api/v1/security-firms/{firm_id}/documents/{id}/versions/{n}/download', {
          params: { path: { firm_id: firm, id, n: version }, query: { disposition: 'inline' } },
          headers: { accept: 'application/json' },
          signal,
        }),
      )
      // With this `accept` the answer is the link.
      const { url } = answer as { url: string }
      return { url, bytes: await readFile(url, signal) }
    },
    // A version never changes. Files are large, so few stay in memory, and no longer than their links.
    staleTime: 600_000,
    gcTime: 60_000,
    retry: false,
  })

async function readFile(url: string, signal: AbortSignal): Promise<Blob | undefined> {
  const isOwn = new URL(url, location.origin).origin === location.origin
  const response = await fetch(url, { signal, credentials: 'omit', referrerPolicy: 'no-referrer' }).catch(
    () => undefined,
  )
  if (response?.ok === true) return await response.blob()
  if (signal.aborted) throw signal.reason
  // Without a rule for this origin, a browser says only that there is no answer.
  if (!isOwn) return undefined
  throw new Failure(response === undefined ? 'network' : 'unknown', response?.status ?? 0)
}
