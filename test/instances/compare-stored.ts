import { createHash } from 'node:crypto'

import pLimit from 'p-limit'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { SentFile } from './send-steadily.ts'
import type { Member } from '../with-platform/write-member.ts'

export type StoredReport = {
  compared: number
  /** Documents answered with 201 that are missing or have other bytes. */
  lost: string[]
  /** Documents without an answer, or beyond one for each file. */
  unaccounted: number
}

const atOnce = 8

/** Lists and downloads the firm's documents, and compares them with the sent files. */
export async function compareStored(url: string, member: Member, sent: SentFile[]): Promise<StoredReport> {
  const promised = sent.filter(({ answer }) => answer === 201)
  const there = await listIds(url, member)
  const limit = pLimit(atOnce)
  const hashes = await Promise.all(
    promised.map(({ id }) => limit(() => (id !== undefined && there.has(id) ? hashOf(url, member, id) : 'not there'))),
  )
  const lost = promised.flatMap(({ id, sha256 }, index) =>
    hashes[index] === sha256 ? [] : [`${id ?? 'without an id'}: ${hashes[index]}`],
  )
  const answered = new Set(promised.map(({ id }) => id))
  return { compared: promised.length, lost, unaccounted: [...there].filter((id) => !answered.has(id)).length }
}

async function listIds(url: string, { firmId, headers }: Member): Promise<Set<string>> {
  const ids = new Set<string>()
  let next: string | undefined = `/api/v1/security-firms/${firmId}/documents`
  while (next !== undefined) {
    const answer: Response = await fetch(`${url}${next}`, { headers })
    if (!answer.ok) throw new Error(`the list answered ${answer.status}`)
    for (const { id } of (await answer.json()) as DocumentShape[]) ids.add(id)
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  return ids
}

async function hashOf(url: string, { firmId, headers }: Member, id: string): Promise<string> {
  const link = await fetch(`${url}/api/v1/security-firms/${firmId}/documents/${id}/download`, {
    headers,
    redirect: 'manual',
  })
  const file = link.status === 302 ? await fetch(link.headers.get('location') ?? '') : link
  const bytes = Buffer.from(await file.arrayBuffer())
  return file.ok ? createHash('sha256').update(bytes).digest('hex') : `answered ${file.status}`
}
