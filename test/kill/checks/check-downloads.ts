import { setTimeout as sleep } from 'node:timers/promises'

import pLimit from 'p-limit'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import { type Fetched, fetchDocument } from '../clients/fetch-document.ts'
import type { Sender } from '../clients/make-senders.ts'

export type Expected = { documentId: string; firmId: string; sha256: string }

type Needs = { urls: string[]; senders: Sender[]; signal: AbortSignal }

const atOnce = 4
const maxRounds = 40
const breathMs = 250

/** Checks that each of these documents is listed and is downloaded with the uploaded bytes. */
export async function checkDownloads(needs: Needs, expected: Expected[]): Promise<string[]> {
  const limit = pLimit(atOnce)
  const listed = await listAll(needs, new Set(expected.map(({ firmId }) => firmId)))
  const found = await Promise.all(
    expected.map((document) =>
      limit(async () => {
        needs.signal.throwIfAborted()
        if (!listed.has(document.documentId)) return [`document ${document.documentId} is not listed`]
        return explain(document, await fetchPatiently(needs, document))
      }),
    ),
  )
  return found.flat()
}

function explain({ documentId, sha256 }: Expected, fetched: Fetched): string[] {
  if (fetched.kind !== 'bytes') return [`document ${documentId} does not download: ${fetched.why}`]
  return fetched.sha256 === sha256 ? [] : [`document ${documentId} downloads as other bytes`]
}

/**
 * Asks every instance, because a file may be on the disk of one, and repeats, because a breaker or a pool may still be
 * recovering.
 */
async function fetchPatiently({ urls, senders, signal }: Needs, { documentId, firmId }: Expected): Promise<Fetched> {
  const sender = requireSender(senders, firmId)
  let last: Fetched = { kind: 'unknown', why: 'nobody was asked' }
  for (let round = 0; round < maxRounds; round += 1) {
    signal.throwIfAborted()
    for (const url of urls) {
      last = await fetchDocument(url, sender, documentId)
      if (last.kind !== 'unknown') return last
    }
    await sleep(breathMs)
  }
  return last
}

/** The ids of all documents of these firms, page by page as a client gets them. */
async function listAll({ urls: [url = ''], senders }: Needs, firmIds: Set<string>): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const firmId of firmIds) {
    let next: string | undefined = `/api/v1/security-firms/${firmId}/documents`
    while (next !== undefined) {
      const response: Response = await fetch(url + next, { headers: requireSender(senders, firmId).headers })
      if (response.status !== 200) throw new Error(`the list answered ${response.status}: ${await response.text()}`)
      for (const { id } of (await response.json()) as DocumentShape[]) ids.add(id)
      next = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    }
  }
  return ids
}

function requireSender(senders: Sender[], firmId: string): Sender {
  const sender = senders.find((each) => each.firmId === firmId)
  if (sender === undefined) throw new Error(`nobody of firm ${firmId} is known`)
  return sender
}
