import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { openRaw } from '../../../support/http/raw-connection.ts'
import { describeCheck } from '../../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ LOG_LEVEL: 'trace' })
})
afterAll(async () => service.stop())

const forged = '{"level":"info","event":"document_access","user_id":"forged"}'
const breaks = [
  '\n',
  '\r\n',
  '\r',
  '\u2028',
  '\u2029',
  '\u0085',
  '\v',
  '\f',
  '\u001b[2J\u001b[1;1H',
  '\u009b2J',
  '\0',
  '\u202e',
]

/** Parses the log line by line: every line is one record of ours, without terminal control characters. */
function expectOneRecordALine(): void {
  const written = service.logLines.join('')
  expect(written).toMatch(
    /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*(\n[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*)*$/u,
  )
  const records = written.split('\n').filter((line) => line !== '')
  expect(records).toHaveLength(service.logLines.length)
  for (const record of records) {
    const parsed = JSON.parse(record) as Record<string, unknown>
    expect(parsed).toMatchObject({ level: expect.any(String), time: expect.any(String) })
    expect(parsed['user_id']).not.toBe('forged')
  }
}

describeCheck(33, () => {
  it.each(breaks)('a file name, a type and an address with %j stay inside one JSON record', async (mark) => {
    const { firm, admin } = await firmWithAdmin(service)
    const name = `a${mark}${forged}.pdf`
    const query = encodeURIComponent(`tax${mark}${forged}`)
    const answers = [
      await uploadFile(service.url, firm, admin, { fileName: name }),
      await uploadFile(service.url, firm, admin, { fileName: name, bytes: Buffer.from('not a document') }),
      await callDocuments(service.url, firm, admin, `?document_type=${query}&cursor=${query}`),
      await callDocuments(service.url, firm, admin, `/${query}/download`),
      await fetch(`${service.url}/api/v1/files/${query}`),
      await fetch(`${service.url}/${query}`),
    ]
    await Promise.all(answers.map((answer) => answer.text()))

    expect(service.logLines).not.toEqual([])
    expectOneRecordALine()
  })

  it('headers that no client library sends stay inside one JSON record', async () => {
    const connection = await openRaw(service.url)
    await connection.send(
      Buffer.from(
        [
          'GET /api/v1/security-firms HTTP/1.1',
          'Host: a',
          'Connection: close',
          `User-Agent: x\u001b[2J${forged}`,
          `X-Request-Id: x\u009b2J${forged}`,
          `X-Forwarded-For: 1.1.1.1\u0085${forged}`,
          'Authorization: Bearer \u202e.x.y',
          '',
          '',
        ].join('\r\n'),
        'latin1',
      ),
    )
    const { head } = await connection.answer

    expect(head).toMatch(/^x-request-id: [\w-]+$/im)
    expectOneRecordALine()
  })

  it.each(breaks)('any logged value stays inside one JSON record: %j', (mark) => {
    const before = service.logLines.length
    const error = new Error(`${mark}${forged}`, { cause: { detail: `${mark}${forged}` } })

    service.app.log.warn({ event: 'forged', note: `${mark}${forged}`, [`${mark}b`]: 1, err: error }, `${mark}${forged}`)

    expect(service.logLines).toHaveLength(before + 1)
    expect(service.logLines.at(-1)).toContain('document_access')
    expectOneRecordALine()
  })

  it('a name from the database in a logged error stays inside one JSON record', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const before = service.logLines.length
    await service.app.db
      .updateTable('document_versions')
      .set({ file_name: `a\n${forged}\u001b[2J.pdf`, storage_key: `\n${forged}` as never }) // a value that no code of ours would write
      .where('document_id', '=', id as never)
      .execute()

    const answer = await callDocuments(service.url, firm, admin, `/${id}/download`)
    await answer.text()

    expect(answer.status).toBe(500)
    expect(service.logLines.length).toBeGreaterThan(before)
    expectOneRecordALine()
  })
})
