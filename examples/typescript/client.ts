import createClient from 'openapi-fetch'

import type { components, paths } from './api.d.ts'

export type Document = components['schemas']['Document']
export type Client = ReturnType<typeof createServiceClient>

/** Every path, parameter and answer has the type of the service's description. */
export function createServiceClient(url: string, token?: string) {
  return createClient<paths>({ baseUrl: url, headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } })
}

type Problem = { status: number; code: string; detail: string }
type Answer<Data> = { data?: Data; error?: unknown; response: Response }

/** The data of an answer. Throws what the service says to do about an error. */
export function requireData<Data>({ data, error, response }: Answer<Data>): NonNullable<Data> {
  if (response.ok && data !== undefined && data !== null) return data
  const { status, code, detail } = error as Problem // every error of the service is one
  throw new Error(`${status} ${code}: ${detail}`)
}

/** Uploads a file as a form. */
export async function uploadDocument(
  client: Client,
  firmId: string,
  { type, file }: { type: string; file: File },
): Promise<Document> {
  const answer = await client.POST('/api/v1/security-firms/{firm_id}/documents', {
    params: { path: { firm_id: firmId }, query: { document_type: type } },
    // OpenAPI describes a file as a string. The form has the file itself.
    body: { file: file.name },
    bodySerializer() {
      const form = new FormData()
      form.set('file', file)
      return form
    },
  })
  return requireData(answer)
}

/** The first page of a firm's documents, newest first. */
export async function listDocuments(client: Client, firmId: string): Promise<Document[]> {
  const path = { firm_id: firmId }
  return requireData(await client.GET('/api/v1/security-firms/{firm_id}/documents', { params: { path } }))
}

/** The file of a document. If it is in S3, `fetch` follows the redirect, and sends the token to no other host. */
export async function downloadDocument(client: Client, firmId: string, id: string): Promise<Uint8Array> {
  const path = { firm_id: firmId, id }
  const answer = await client.GET('/api/v1/security-firms/{firm_id}/documents/{id}/download', {
    params: { path },
    parseAs: 'arrayBuffer',
  })
  return new Uint8Array(requireData<ArrayBuffer>(answer as Answer<ArrayBuffer>)) // as `parseAs` says
}
