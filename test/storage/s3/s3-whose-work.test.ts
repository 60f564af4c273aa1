import { afterAll, beforeAll, expect, test } from 'vitest'

import { withLogContext } from '../../../src/logging/spans.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { inMemory, newKey } from '../contract/incoming-files.ts'
import { errorBody, type ScriptedS3, startScriptedS3 } from './scripted-s3.ts'
import { openS3ByConfig, type S3ForTest } from '../contract/stores-under-test.ts'

const key = newKey()

let scripted: ScriptedS3
let s3: S3ForTest
beforeAll(async () => {
  scripted = await startScriptedS3({
    PUT: [
      { status: 503, body: errorBody('SlowDown') },
      { status: 200, headers: { etag: '"e"' } },
    ],
    DELETE: [{ status: 204 }],
  })
  s3 = openS3ByConfig(scripted.config, { hasChecksums: true })
})
afterAll(async () => {
  s3.store.close()
  await scripted.close()
})

test('every attempt of an S3 call has its request or job id in the User-Agent, and other calls have none', async () => {
  await withLogContext({ request_id: 'r-1:2' }, () => s3.store.write(key, inMemory(makePdf())))
  await withLogContext({ request_id: 'r-2', job_id: 'j-1' }, () => s3.store.remove(key))
  await s3.store.remove(key)

  const agents = scripted.asked.map(({ headers }) => headers['user-agent'] ?? '')
  expect(
    agents.map((agent) => /^(?:aws-sdk-js\/\S+ .*?|paniq-documents)(?: (\([a-z]+ [^)]*\)))?$/.exec(agent)?.[1]),
  ).toEqual([
    '(request r-1:2)',
    '(request r-1:2)',
    '(job j-1)', // checks whether the bucket is versioned
    '(job j-1)',
    undefined,
  ])
})

test('the request id in the User-Agent is not signed, since a proxy may change the header', async () => {
  await withLogContext({ request_id: 'r-3' }, () => s3.store.remove(key))

  expect(scripted.asked.at(-1)?.headers.authorization).toMatch(/SignedHeaders=(?!\S*[=;]user-agent)(?!user-agent)/)
})
