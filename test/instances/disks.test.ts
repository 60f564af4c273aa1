import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { type Beside, openBeside } from '../with-platform/open-instances.ts'
import { type Member, writeMember } from '../with-platform/write-member.ts'

const bytes = makePdf({ bytes: 20_000, seed: 'on a disk' })

type Uploaded = { member: Member; document: DocumentShape; first: string; second: string }

async function uploadFirst(beside: Beside): Promise<Uploaded> {
  const [first = '', second = ''] = beside.instances.map((each) => each.url())
  const member = await writeMember(beside)
  return { member, first, second, document: await uploadDocument(first, member.firmId, member, { bytes }) }
}

/** The local link that this instance signs. */
async function linkAt(url: string, { member, document }: Uploaded): Promise<string> {
  const headers = { accept: 'application/json' }
  const answer = await callDocuments(url, member.firmId, member, `/${document.id}/download`, { headers })
  return ((await answer.json()) as { url: string }).url
}

function downloadAt(url: string, { member, document }: Uploaded): Promise<Response> {
  return callDocuments(url, member.firmId, member, `/${document.id}/download`)
}

async function hasBytes(answer: Response): Promise<boolean> {
  return answer.status === 200 && Buffer.from(await answer.arrayBuffer()).equals(bytes)
}

const onDisk = { USE_S3_STORAGE: 'false' }

describe('instances with one shared disk', () => {
  let beside: Beside
  beforeAll(async () => {
    beside = await openBeside({ addresses: testServices(), settings: onDisk, sharesDisk: true })
  })
  afterAll(() => beside.close())

  it('serve each other’s files and links', async () => {
    const uploaded = await uploadFirst(beside)
    const { first, second } = uploaded

    expect(await hasBytes(await downloadAt(second, uploaded))).toBe(true)
    expect(await hasBytes(await fetch(`${second}${await linkAt(first, uploaded)}`))).toBe(true)
    expect(await hasBytes(await fetch(`${first}${await linkAt(second, uploaded)}`))).toBe(true)
  })
})

describe('instances with separate disks', () => {
  let beside: Beside
  beforeAll(async () => {
    beside = await openBeside({ addresses: testServices(), settings: onDisk })
  })
  afterAll(() => beside.close())

  it('return 503 for a file on the other disk, never 404', async () => {
    const uploaded = await uploadFirst(beside)
    const { first, second } = uploaded
    const link = await linkAt(first, uploaded)

    for (const answer of [await downloadAt(second, uploaded), await fetch(`${second}${link}`)]) {
      expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'store_unavailable'])
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
  })

  it('nginx then tries the other instance, which serves the file', async () => {
    const uploaded = await uploadFirst(beside)
    const link = await linkAt(uploaded.first, uploaded)
    const got: boolean[] = []
    for (let count = 0; count < 4; count += 1) {
      got.push(await hasBytes(await downloadAt(beside.url, uploaded)))
      got.push(await hasBytes(await fetch(`${beside.url}${link}`)))
    }

    expect(got).toEqual(Array.from({ length: 8 }, () => true))
  })
})
