import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument } from '../../support/call-documents.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { describeCheck } from '../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const below = (id: string) => [`/${id}`, `/${id}/download`, `/${id}/download?disposition=inline`, `/${id}/events`]

describeCheck(2, () => {
  it('somebody of another firm gets no document by its real id: 403 at that firm, 404 at their own', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { firm: ownFirm, admin: outsider } = await firmWithAdmin(service)
    const document = await uploadDocument(service.url, firm, admin)
    const ask = async (where: string, path: string) => {
      const answer = await callDocuments(service.url, where, outsider, path)
      const { code, detail } = await problemOf(answer)
      return { status: answer.status, code, detail }
    }

    for (const path of ['', ...below(document.id)])
      expect(await ask(firm, path)).toMatchObject({ status: 403, code: 'not_a_member' })
    const missing = below(randomUUID())
    for (const [index, path] of below(document.id).entries()) {
      const answer = await ask(ownFirm, path)
      expect(answer).toMatchObject({ status: 404, code: 'not_found' })
      expect(answer).toEqual(await ask(ownFirm, missing[index] ?? ''))
    }
    expect(await (await callDocuments(service.url, ownFirm, outsider)).json()).toEqual([])
  })

  it('what is there and what is not sound alike to somebody of another firm', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { admin: outsider } = await firmWithAdmin(service)
    const document = await uploadDocument(service.url, firm, admin)
    const detailOf = async (where: string, id: string) =>
      (await problemOf(await callDocuments(service.url, where, outsider, `/${id}/download`))).detail

    const details = [
      await detailOf(firm, document.id),
      await detailOf(firm, randomUUID()),
      await detailOf(randomUUID(), document.id),
    ]

    expect(new Set(details).size).toBe(1)
  })
})
