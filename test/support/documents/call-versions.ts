import { callDocuments, type UploadOptions } from './call-documents.ts'
import { makePdf } from '../files/make-files.ts'
import type { Person } from '../people/people.ts'

type Of = { firm: string; id: string }

/** Uploads a file as the newest version of a document. */
export async function addVersion(
  url: string,
  { firm, id }: Of,
  person: Person | undefined,
  wish: Omit<UploadOptions, 'type'> = {},
): Promise<Response> {
  const form = new FormData()
  const { fileName = 'licence.pdf' } = wish
  form.append('file', new Blob([Uint8Array.from(wish.bytes ?? makePdf())]), fileName)
  const query = new URLSearchParams(wish.query)
  return callDocuments(url, firm, person, `/${id}/versions?${query}`, {
    method: 'POST',
    body: form,
    headers: wish.headers ?? {},
  })
}

/** Restores an old version. */
export async function restoreVersion(
  url: string,
  { firm, id }: Of,
  person: Person | undefined,
  version: number | string,
): Promise<Response> {
  return callDocuments(url, firm, person, `/${id}/versions/${version}/restore`, { method: 'POST' })
}

/** The bytes of one version, from any store. */
export async function readVersion(url: string, { firm, id }: Of, person: Person, version: number): Promise<Buffer> {
  const answer = await callDocuments(url, firm, person, `/${id}/versions/${version}/download`)
  const link = answer.headers.get('location')
  const file = link === null ? answer : await fetch(link)
  if (file.status !== 200) throw new Error(`version ${version} was not given out: ${file.status} ${await file.text()}`)
  return Buffer.from(await file.arrayBuffer())
}
