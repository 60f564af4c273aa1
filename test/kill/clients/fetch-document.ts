import { createHash } from 'node:crypto'

import type { Sender } from './make-senders.ts'

export type Fetched =
  | { kind: 'bytes'; sha256: string; size: number }
  /** 5xx, no answer, or a truncated body: proves nothing about the document. */
  | { kind: 'unknown'; why: string }
  /** The service answers that there is no file. */
  | { kind: 'refused'; why: string }

const maxMsToAnswer = 60_000

/** Downloads a document like a browser, following a link. Never throws. */
export async function fetchDocument(url: string, sender: Sender, documentId: string): Promise<Fetched> {
  try {
    const signal = AbortSignal.timeout(maxMsToAnswer)
    const address = `${url}/api/v1/security-firms/${sender.firmId}/documents/${documentId}/download`
    const response = await fetch(address, { headers: sender.headers, redirect: 'manual', signal })
    const link = response.headers.get('location')
    if (response.status !== 302 || link === null) return await readBody(response)
    await response.body?.cancel()
    return await readBody(await fetch(link, { signal }))
  } catch (error) {
    return { kind: 'unknown', why: String(error) }
  }
}

async function readBody(response: Response): Promise<Fetched> {
  const body = Buffer.from(await response.arrayBuffer())
  if (response.status === 200)
    return { kind: 'bytes', size: body.length, sha256: createHash('sha256').update(body).digest('hex') }
  const why = `${response.status} ${body.toString().slice(0, 500)}`
  return response.status >= 500 || response.status === 429 ? { kind: 'unknown', why } : { kind: 'refused', why }
}
