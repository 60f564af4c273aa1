import { createHash } from 'node:crypto'

import { beforeAll, expect, it } from 'vitest'

import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makeJpeg, makePdf } from '../support/files/make-files.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { archiveOf, callArchive, ensureReaders } from './read-archive.ts'

const scene = serviceOnBothStores()
beforeAll(ensureReaders)

const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

it.each(['onDisk', 'onS3'] as const)(
  '%s: the archive has every document, and a manifest that matches',
  async (where) => {
    const service = scene[where]
    const { firm, admin } = await firmWithAdmin(service)
    const [licence, photo] = [makePdf({ seed: 'licence' }), makeJpeg({ seed: 'photo' })]
    await uploadDocument(service.url, firm, admin, { type: 'tax_clearance', fileName: 'Tax 2026.pdf', bytes: licence })
    await uploadDocument(service.url, firm, admin, { type: 'identity_document', fileName: 'ID.JPEG', bytes: photo })

    const answer = await callArchive(service.url, firm, admin)
    await answer.body?.cancel()
    const { entries, manifest } = await archiveOf(service.url, firm, admin)

    expect([answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      'application/zip',
      expect.stringMatching(/^attachment; filename="Umkhonto Guarding documents \d{4}-\d\d-\d\d\.zip"$/),
    ])
    expect(entries.slice(0, -1)).toEqual([
      { name: 'identity_document/ID.jpg', size: photo.length, sha256: hashOf(photo), compressed: false },
      { name: 'tax_clearance/Tax 2026.pdf', size: licence.length, sha256: hashOf(licence), compressed: false },
    ])
    expect(entries.at(-1)?.name).toBe('manifest.csv')
    expect(manifest).toMatchObject([
      { type: 'identity_document', name: 'identity_document/ID.jpg', version: '1', sha256: hashOf(photo) },
      { type: 'tax_clearance', name: 'tax_clearance/Tax 2026.pdf', review_state: 'pending', left_out: '' },
    ])
  },
)
