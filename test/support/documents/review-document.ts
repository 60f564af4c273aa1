import { callDocuments } from './call-documents.ts'
import type { Person } from '../people/people.ts'

type Of = { firm: string; id: string }

/** Decides on a document as this person sees it now. */
export async function reviewDocument(
  url: string,
  { firm, id }: Of,
  person: Person,
  body: Record<string, unknown> & { decision: 'verify' | 'reject' },
): Promise<Response> {
  const seen = await callDocuments(url, firm, person, `/${id}`)
  await seen.body?.cancel()
  return callDocuments(url, firm, person, `/${id}/review`, {
    method: 'PUT',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'if-match': seen.headers.get('etag') ?? '*' },
  })
}
