import { afterAll, beforeAll, expect, it } from 'vitest'

import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { setUpByDefault } from '../../../support/s3/set-up-bucket.ts'
import { describeCheck } from '../../describe-check.ts'

const portal = 'https://portal.example'
const ours = 'https://documents.example'
const strangers = ['https://evil.example', `${portal}.evil.example`, 'http://portal.example', 'null']

describeCheck(27, () => {
  let bucket: FreshBucket
  beforeAll(async () => {
    bucket = await freshBucket()
    await setUpByDefault(bucket, [portal, ours])
  })
  afterAll(() => bucket.remove())

  /** A browser's preflight before a page reads the target of a link. */
  async function preflight(origin: string, method: string): Promise<string | null> {
    const answer = await fetch(`${bucket.s3.endpoint}/${bucket.name}/security_firms/a/document.pdf`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'range' },
    })
    await answer.text()
    return answer.headers.get('access-control-allow-origin')
  }

  it.each([portal, ours])('the bucket lets pages of %s read and write nothing', async (origin) => {
    expect(await preflight(origin, 'GET')).toBe(origin)
    expect(await preflight(origin, 'PUT')).toBeNull()
  })

  it.each(strangers)('the bucket lets pages of %s read nothing', async (origin) => {
    expect(await preflight(origin, 'GET')).toBeNull()
  })
})
