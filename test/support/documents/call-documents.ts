import type { DocumentShape } from '../../../src/contract/documents.ts'
import { makePdf } from '../files/make-files.ts'
import type { Person } from '../people/people.ts'

export type UploadOptions = {
  type?: string
  fileName?: string
  contentType?: string
  bytes?: Uint8Array<ArrayBuffer> | Buffer
  query?: Record<string, string>
  headers?: Record<string, string>
}

/** Uploads a file like a browser's form. */
export async function uploadFile(
  url: string,
  firmId: string,
  person: Person | undefined,
  wish: UploadOptions = {},
): Promise<Response> {
  const form = new FormData()
  const bytes = Uint8Array.from(wish.bytes ?? makePdf())
  const { fileName = 'licence.pdf' } = wish
  form.append('file', new Blob([bytes], { type: wish.contentType ?? typeByName(fileName) }), fileName)
  const query = new URLSearchParams({ document_type: wish.type ?? 'registration_certificate', ...wish.query })
  return fetch(`${url}/api/v1/security-firms/${firmId}/documents?${query}`, {
    method: 'POST',
    body: form,
    headers: { ...person?.headers, ...wish.headers },
  })
}

/** The MIME type that a browser would send; none for an unknown extension. */
function typeByName(fileName: string): string {
  return fileName.toLowerCase().endsWith('.pdf') ? 'application/pdf' : ''
}

/** Uploads a file that must be accepted, and returns the document. */
export async function uploadDocument(
  url: string,
  firmId: string,
  person: Person,
  wish: UploadOptions = {},
): Promise<DocumentShape> {
  const response = await uploadFile(url, firmId, person, wish)
  if (response.status !== 201) throw new Error(`not taken: ${response.status} ${await response.text()}`)
  return (await response.json()) as DocumentShape
}

/** A call below the firm's documents. Redirects are returned, not followed. */
export async function callDocuments(
  url: string,
  firmId: string,
  person: Person | undefined,
  path = '',
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${url}/api/v1/security-firms/${firmId}/documents${path}`, {
    redirect: 'manual',
    ...init,
    headers: { ...person?.headers, ...(init.headers as Record<string, string>) },
  })
}

export type ProblemBody = {
  status: number
  code: string
  detail: string
  message: string
  error_code: string
  request_id: string
  errors?: { field: string; message: string }[]
}

/** The body of an error. */
export async function problemOf(response: Response): Promise<ProblemBody> {
  return (await response.json()) as ProblemBody
}
