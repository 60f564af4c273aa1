import { parse } from 'content-disposition'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DocumentShape } from '../../../../src/contract/documents.ts'
import { readableName } from '../../../../src/vocabulary/readable-name.ts'
import { callDocuments } from '../../../support/documents/call-documents.ts'
import { type CloudFront, type KeyKind, startCloudFront } from '../../../support/cloudfront/start-cloudfront.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import type { Person } from '../../../support/people/people.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'

type Follow = (link: string) => Promise<Response>
type Way = { service: TestService; firm: string; admin: Person; follow: Follow }

async function open(settings: Record<string, string>, follow: Follow): Promise<Way> {
  const service = await startService(settings)
  return { service, ...(await firmWithAdmin(service)), follow }
}

let bucket: FreshBucket
let cloudFront: CloudFront
let services: Record<'S3' | 'CloudFront, signed with RSA' | 'CloudFront, signed with ECDSA' | 'local storage', Way>
beforeAll(async () => {
  bucket = await freshBucket()
  cloudFront = await startCloudFront(bucket)
  const signed = (kind: KeyKind) =>
    open({ ...s3Settings(bucket), ...cloudFront.settings[kind] }, (link) => cloudFront.fetch(link))
  services = {
    S3: await open(s3Settings(bucket), (link) => fetch(link)),
    'CloudFront, signed with RSA': await signed('RSA'),
    'CloudFront, signed with ECDSA': await signed('ECDSA'),
    'local storage': await open({}, (link) => fetch(link)),
  }
})
afterAll(async () => {
  for (const { service } of Object.values(services)) await service.stop()
  await cloudFront.close()
  await bucket.remove()
})

type Where = keyof typeof services

const body = makePdf()

/** Written by hand with escapes, like curl: a browser's form would rewrite quotes. */
async function upload(where: Where, fileName: string): Promise<Response> {
  const { service, firm, admin } = services[where]
  const quoted = fileName.replaceAll(/[\\"]/g, (character) => `\\${character}`)
  const head = `--cut\r\nContent-Disposition: form-data; name="file"; filename="${quoted}"\r\nContent-Type: application/pdf\r\n\r\n`
  return callDocuments(service.url, firm, admin, '?document_type=tax_clearance', {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=cut' },
    body: Uint8Array.from(Buffer.concat([Buffer.from(head), body, Buffer.from('\r\n--cut--\r\n')])),
  })
}

/** The name in every kind of answer: the service's or S3's header, and the link as JSON. */
async function headersOf(where: Where, document: DocumentShape): Promise<string[]> {
  const { service, firm, admin, follow } = services[where]
  const download = (headers: Record<string, string>) =>
    callDocuments(service.url, firm, admin, `/${document.id}/download`, { headers })
  const direct = await download({})
  const asJson = (await (await download({ accept: 'application/json' })).json()) as { url: string }
  const files = [
    direct.status === 302 ? await follow(direct.headers.get('location') ?? '') : direct,
    await follow(new URL(asJson.url, service.url).href),
  ]
  return Promise.all(
    files.map(async (file) => {
      const bytes = Buffer.from(await file.arrayBuffer())
      return file.status === 200 && bytes.equals(body) ? (file.headers.get('content-disposition') ?? '') : 'no file'
    }),
  )
}

/** A header that every client parses in the same way: one line of ASCII, one name, and the fallback. */
function savedNameOf(header: string): string | undefined {
  expect(header).toMatch(/^attachment; [\x20-\x7e]+$/)
  return parse(header).parameters['filename']
}

/** Invisible characters, which would show `exe.pdf` for `fdp.exe`, are removed; everything else stays. */
const shownAs = (name: string) => readableName(name).trim()

const ways: Where[] = ['S3', 'CloudFront, signed with RSA', 'CloudFront, signed with ECDSA', 'local storage']

describeCheck(25, () => {
  describe.each(ways)('through %s', (where) => {
    it('a file of any Unicode name is saved under its own name', async () => {
      const name = fc
        .string({ unit: 'binary', minLength: 1, maxLength: 60 })
        .map((text) => `${text}.pdf`)
        // The test below covers rejected names. A `%` before two digits may be parsed as an escape.
        .filter((text) => text.isWellFormed() && !/[\p{Cc}/\\\u2028\u2029]|%[0-9a-f]{2}/iu.test(text))
        .filter((text) => !/^[.\s]*pdf$/.test(shownAs(text)))
      await fc.assert(
        fc.asyncProperty(name, async (fileName) => {
          const answer = await upload(where, fileName)
          expect([fileName, answer.status]).toEqual([fileName, 201])
          const document = (await answer.json()) as DocumentShape

          expect(document.file_name).toBe(readableName(fileName))
          for (const header of await headersOf(where, document)) expect(savedNameOf(header)).toBe(shownAs(fileName))
        }),
        { numRuns: 25 },
      )
    })

    it.each([
      ['apostrophes and blanks', "the firm's  'own' document.pdf", "the firm's  'own' document.pdf"],
      ['what addresses are written with', 'a&b=c?d#e+f%20~g!*().pdf', 'a&b=c?d#e+f%20~g!*().pdf'],
      ['quotes', 'the "best" firm’s.pdf', 'the "best" firm’s.pdf'],
      ['an emoji of several characters', '👩🏽‍🔧 roster.pdf', '👩🏽‍🔧 roster.pdf'],
      ['accents put together by the reader', 'e\u0301.pdf', 'e\u0301.pdf'],
      ['a right-to-left override', 'gpj.\u202Efdp.exe.pdf', 'gpj.fdp.exe.pdf'],
      ['zero-width characters', 'Blue\u200BCrane\uFEFF.p\u200Ddf', 'BlueCrane.pdf'],
      ['a joiner that Persian needs', 'می\u200Cخواهم.pdf', 'می\u200Cخواهم.pdf'],
      ['Arabic', 'رخصة.pdf', 'رخصة.pdf'],
      ['what looks like another parameter', 'a"; filename="b.exe".pdf', 'a"; filename="b.exe".pdf'],
      ['what looks like an escape', '100%25 safe%0d%0aX: y.pdf', '100%25 safe%0d%0aX: y.pdf'],
      ['300 characters', `${'ñ'.repeat(296)}.pdf`, `${'ñ'.repeat(251)}.pdf`],
      ['300 emoji', `${'📄'.repeat(296)}.pdf`, `${'📄'.repeat(251)}.pdf`],
      ['nothing but dots and an extension', '....pdf', '....pdf'],
      ['a semicolon and an equals sign', 'a;b=c.pdf', 'a;b=c.pdf'],
    ])('a name with %s gives one valid header', async (_what, fileName, saved) => {
      const answer = await upload(where, fileName)
      expect([fileName, answer.status]).toEqual([fileName, 201])
      const document = (await answer.json()) as DocumentShape

      const names = (await headersOf(where, document)).map(savedNameOf)

      expect(names).toEqual([saved, saved])
    })

    it.each(['a\r\nSet-Cookie: x=1.pdf', 'a\n.pdf', 'a\u0000.pdf', 'a\u001b[2J.pdf', 'a\u0085.pdf'])(
      'a name that would break a line or a terminal is rejected: %j',
      async (fileName) => {
        const answer = await upload(where, fileName)
        await answer.text()
        // A line break ends the header of its part and the name, so the format of the file is unknown.
        expect([415, 422]).toContain(answer.status)
      },
    )
  })
})
