import { callDocuments } from './call-documents.ts'
import type { Person } from '../people/people.ts'

type Of = { firm: string; id: string }

export async function deleteDocument(url: string, { firm, id }: Of, person: Person | undefined): Promise<Response> {
  return callDocuments(url, firm, person, `/${id}`, { method: 'DELETE' })
}

export async function restoreDocument(url: string, { firm, id }: Of, person: Person | undefined): Promise<Response> {
  return callDocuments(url, firm, person, `/${id}/restore`, { method: 'POST' })
}
