import { expect, onTestFinished, test } from 'vitest'

import { openStoreInBetween } from '../support/cli/s3-proxy.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { makeFirm, makeMember } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService } from '../support/service/start-service.ts'
import { runVerify } from '../support/verifying/run-verify.ts'

const page = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><p>No such page.</body></html>'
const tidyPage = '<html><body><p>No such page.</p></body></html>'

test.each([
  ['reads', page, 'not_s3'],
  ['reads', tidyPage, 'not_s3'],
  // After a HEAD without such a key, another call asks for the bucket, which does not exist either.
  ['only looks', page, 'no_bucket'],
])(
  'a web server in place of S3 makes no file missing: one who %s is reported once (%s)',
  async (how, body, trouble) => {
    const bucket = await freshBucket()
    onTestFinished(() => bucket.remove())
    let isAnother = false
    const address = await openStoreInBetween({
      behind: bucket.s3.endpoint,
      answer: () => (isAnother ? { status: 404, headers: { 'content-type': 'text/html' }, body } : undefined),
    })
    const service = await startService(s3Settings(bucket, address))
    onTestFinished(() => service.stop())
    const firmId = await makeFirm(service.app)
    const member = await makeMember(service.app, firmId)
    for (let number = 0; number < 12; number += 1) await uploadDocument(service.url, firmId, member)
    isAnother = true

    const done = await runVerify(service.app, { reads: how === 'reads' })

    expect(done).toMatchObject({ isRight: false, findings: { missing: 0, wrong: 0 } })
    expect(done.list.map(({ kind, key }) => [kind, key])).toEqual([
      ['unchecked', null],
      ['unchecked', null],
    ])
    expect(service.app.stores.s3?.outage()).toMatchObject({ trouble })
    const rows = await service.app.db.selectFrom('document_versions').select('bytes_state').execute()
    expect(new Set(rows.map(({ bytes_state: state }) => state))).toEqual(new Set(['present']))
  },
)
