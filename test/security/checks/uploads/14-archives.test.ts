import { deflateRawSync, gzipSync } from 'node:zlib'

import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { problemOf, uploadFile } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { zipOf } from '../../../support/files/infected-files.ts'
import { describeCheck } from '../../describe-check.ts'
import { listStored } from '../../connections/list-stored.ts'

const both = serviceOnBothStores()

/** The type of an Office file, in the file that an unpacker would read. */
const word = Buffer.from(
  '<Types><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
)
const gigabyte = Buffer.alloc(64 * 1024 * 1024)

/** A program that unpacks archives would treat all but the first differently. The answer is the same for all. */
const zips: [string, Buffer][] = [
  ['a plain ZIP', zipOf('a.txt', Buffer.from('words'))],
  ['a Word document', zipOf('[Content_Types].xml', word)],
  ['an e-book', zipOf('mimetype', Buffer.from('application/epub+zip'))],
  ['a Word document whose packed bytes are broken', broken(zipOf('[Content_Types].xml', word))],
  ['a Word document of many megabytes of nothing', zipOf('[Content_Types].xml', gigabyte)],
  ['a Word document with a password', zipOf('[Content_Types].xml', word, 1)],
  ['a ZIP in a ZIP', zipOf('b.zip', zipOf('a.txt', gigabyte))],
  ['a ZIP that climbs out of its folder', zipOf('../../etc/cron.d/job', Buffer.from('* * * * * root id'))],
  ['a ZIP with a link in it', withLink(zipOf('a', Buffer.from('/etc/passwd')))],
  ['a ZIP that is its first line alone', zipOf('a.txt', Buffer.from('words')).subarray(0, 30)],
]

/** A gzip is detected by its first two bytes, whatever follows. */
const gzips: [string, Buffer][] = [
  ['a gzip', gzipSync('words')],
  ['a gzip of many megabytes of nothing', gzipSync(gigabyte)],
  ['a gzip whose packed bytes are broken', broken(gzipSync(word))],
  ['a tar in a gzip', gzipSync(tar())],
]

describeCheck(14, () => {
  describe.each(['onS3', 'onDisk'] as const)('%s', (where) => {
    it.each([
      ...zips.map(([what, bytes]) => ({ what, bytes, kind: 'application/zip' })),
      ...gzips.map(([what, bytes]) => ({ what, bytes, kind: 'application/gzip' })),
    ])('$what is 415, described as any $kind, and nothing is stored', async ({ bytes, kind }) => {
      const service = both[where]
      const { firm, admin } = await firmWithAdmin(service)
      const before = await listStored(service, both.bucket)

      for (const fileName of ['licence.docx', 'licence.zip', 'licence.pdf']) {
        const answer = await uploadFile(service.url, firm, admin, { bytes, fileName, contentType: '' })

        const { code, detail } = await problemOf(answer)
        expect([answer.status, code]).toEqual([415, 'unsupported_type'])
        expect(detail).toContain(`This file is ${kind} by its content. Allowed here: PDF, JPEG, PNG.`)
      }
      expect(await listStored(service, both.bucket)).toEqual(before)
    })
  })
})

/** The compressed bytes in its middle are invalid. */
function broken(archive: Buffer): Buffer {
  const bytes = Buffer.from(archive)
  return bytes.fill(0xff, 50, 80)
}

/** A symbolic link as tools write it: the entry at the end has the file type. */
function withLink(zip: Buffer): Buffer {
  const bytes = Buffer.from(zip)
  bytes.writeUInt32LE(0o120777 * 2 ** 16, bytes.indexOf('PK\x01\x02') + 38)
  return bytes
}

function tar(): Buffer {
  const header = Buffer.alloc(512)
  header.write('a.txt')
  header.write('0000644\0', 100)
  header.write('ustar\x0000', 257)
  header.write('        ', 148)
  const sum = header.reduce((all, byte) => all + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, Buffer.alloc(1024), deflateRawSync('x')])
}
