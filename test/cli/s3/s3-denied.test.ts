import { describe, expect, test } from 'vitest'

import { testServices } from '../../support/services/packages/test-services.ts'
import { reportOf, testS3 } from './s3-report.ts'
import { bucketForTest, newBucketName, s3Settings } from '../../support/cli/s3-settings.ts'
import { openStoreInBetween, refusal } from '../../support/cli/s3-proxy.ts'

describe('a missing permission', () => {
  test.each([
    ['GET bucket', 'list', 's3:ListBucket', 'arn:aws:s3:::BUCKET,'],
    ['PUT object', 'put', 's3:PutObject', 'arn:aws:s3:::BUCKET/*'],
    ['GET object', 'get', 's3:GetObject', 'arn:aws:s3:::BUCKET/*'],
    ['GET object?X-Amz-Signature', 'presigned_get', 's3:GetObject', ''],
    ['DELETE object', 'delete', 's3:DeleteObject', 'arn:aws:s3:::BUCKET/*'],
    ['DELETE object?uploadId', 'abort_multipart', 's3:AbortMultipartUpload', 'arn:aws:s3:::BUCKET/*'],
  ])('%s: its step fails and names the permission', async (refused, step, right, resource) => {
    const { name } = await bucketForTest()
    const endpoint = await openStoreInBetween({
      behind: testServices().s3.endpoint,
      answer: (call) => (call === refused ? refusal(403, 'AccessDenied') : undefined),
    })
    const answer = await reportOf(s3Settings(name, { AWS_ENDPOINT_URL_S3: endpoint }))

    expect(answer.ok).toBe(false)
    const failed = answer.steps.filter(({ outcome }) => outcome === 'failed')
    expect(failed.map((each) => each.step)).toEqual([step])
    expect(failed[0]?.advice).toContain(`Allow ${right}`)
    expect(failed[0]?.advice).toContain(resource.replace('BUCKET', name))
  })

  test('to create the missing bucket: prints what to do', async () => {
    const endpoint = await openStoreInBetween({
      behind: testServices().s3.endpoint,
      answer: (call) => (call === 'PUT bucket' ? refusal(403, 'AccessDenied') : undefined),
    })
    const { code, stdout } = await testS3(s3Settings(newBucketName(), { AWS_ENDPOINT_URL_S3: endpoint }))
    expect(code).toBe(1)
    expect(stdout).toMatch(/^✗ Bucket does not exist$/m)
    expect(stdout).toContain('AWS_S3_BUCKET')
  })
})

describe('a bucket of another region, as Amazon answers', () => {
  const elsewhere = 'amzn-s3-demo-bucket.s3.eu-west-1.amazonaws.com'
  test.each([
    ['a permanent redirect', refusal(301, 'PermanentRedirect', `<Endpoint>${elsewhere}</Endpoint>`)],
    ['a redirect with a header', refusal(301, 'PermanentRedirect', '', { 'x-amz-bucket-region': 'eu-west-1' })],
    ['a malformed authorization', refusal(400, 'AuthorizationHeaderMalformed', '<Region>eu-west-1</Region>')],
  ])('%s: prints the region to set', async (_name, wrongRegion) => {
    const endpoint = await openStoreInBetween({ answer: () => wrongRegion })
    const { code, stdout } = await testS3(s3Settings('amzn-s3-demo-bucket', { AWS_ENDPOINT_URL_S3: endpoint }))
    expect(code).toBe(1)
    expect(stdout).toContain('Set AWS_REGION_NAME=eu-west-1\n')
  })
})

describe('a wrong clock', () => {
  test('within S3’s tolerance: prints the difference, and tries the other steps', async () => {
    const { name } = await bucketForTest()
    const endpoint = await openStoreInBetween({ behind: testServices().s3.endpoint, movedClockMs: 125_000 })
    const answer = await reportOf(s3Settings(name, { AWS_ENDPOINT_URL_S3: endpoint }))
    expect(answer.ok).toBe(false)
    const failed = answer.steps.filter(({ outcome }) => outcome === 'failed')
    expect(failed).toEqual([
      {
        step: 'clock',
        outcome: 'failed',
        says: expect.stringMatching(/2 min \d s behind S3/),
        advice: expect.any(String),
      },
    ])
  })

  test('beyond S3’s tolerance', async () => {
    const movedClockMs = -20 * 60_000
    const endpoint = await openStoreInBetween({ movedClockMs, answer: () => refusal(403, 'RequestTimeTooSkewed') })
    const { code, stdout } = await testS3(s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint }))
    expect(code).toBe(1)
    expect(stdout).toMatch(/✗ S3 rejects requests because the clock is wrong: (20 min|19 min 59 s).* ahead of S3/)
  })

  test('half a minute does not count', async () => {
    const { name } = await bucketForTest()
    const endpoint = await openStoreInBetween({ behind: testServices().s3.endpoint, movedClockMs: -30_000 })
    expect((await reportOf(s3Settings(name, { AWS_ENDPOINT_URL_S3: endpoint }))).ok).toBe(true)
  })
})

describe('an address without a store', () => {
  // No resolver answers for a name that no zone can contain.
  const tooLong = 's'.repeat(64)

  test.each([
    ['nothing listens', 'http://127.0.0.1:1', 'ECONNREFUSED', 'AWS_ENDPOINT_URL_S3'],
    ['a name that nobody knows', `http://${tooLong}.example`, 'cannot be resolved', 'AWS_ENDPOINT_URL_S3'],
  ])('%s: is named, with what to check', async (_name, endpoint, says, advice) => {
    const { code, stdout } = await testS3(s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint }))
    expect(code).toBe(1)
    expect(stdout).toContain(says)
    expect(stdout).toContain(endpoint)
    expect(stdout).toContain(advice)
  })

  test('another server answers', async () => {
    const endpoint = await openStoreInBetween({
      answer: () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: '<html><p>Not here<br></html>' }),
    })
    const { stdout } = await testS3(s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint }))
    expect(stdout).toContain('is not S3')
    expect(stdout).toContain('– Clock: not compared, because no S3 answered')
  })

  test('https:// to a store that speaks http://', async () => {
    const endpoint = await openStoreInBetween({ answer: () => refusal(404, 'NoSuchBucket') })
    const settings = s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint.replace('http:', 'https:') })
    expect((await testS3(settings)).stdout).toContain('✗ The TLS connection failed')
  })
})
