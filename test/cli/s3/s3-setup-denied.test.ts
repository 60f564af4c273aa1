import { PutBucketVersioningCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'

import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { readBucketSetup } from '../../support/s3/read-bucket-setup.ts'
import { makeWorkFolder, startCommand } from '../../support/cli/run-command.ts'
import { bucketForTest, newBucketName } from '../../support/cli/s3-settings.ts'
import { changesIn, operatorOf, outcomesOf, setUp, setupOf } from './set-up.ts'
import { type CannedAnswer, openStoreInBetween, refusal } from '../../support/cli/s3-proxy.ts'

/** Settings that lead to a proxy which answers some calls itself, and the requests that it got. */
async function behind(
  bucket: FreshBucket,
  answer: (call: string, calls: string[]) => CannedAnswer | 'silence' | undefined,
) {
  const calls: string[] = []
  const endpoint = await openStoreInBetween({
    behind: bucket.s3.endpoint,
    answer(call) {
      calls.push(call)
      return answer(call, calls)
    },
  })
  return { settings: operatorOf(bucket, { AWS_ENDPOINT_URL_S3: endpoint }), calls }
}

describe('missing permissions', () => {
  test('all of them, as with the service’s credentials: each is named, with the policy to use', async () => {
    const bucket = await bucketForTest()
    const { settings } = await behind(bucket, (call) =>
      call.startsWith('GET bucket?') ? refusal(403, 'AccessDenied') : undefined,
    )
    const { code, stdout } = await setUp(settings)

    expect(code).toBe(1)
    expect(stdout).toContain(`  Allow s3:GetLifecycleConfiguration on arn:aws:s3:::${bucket.name}, and check`)
    expect(stdout.match(/^✗ /gm)).toHaveLength(7)
    expect(stdout).toContain('use those of an operator')
  })

  test('one to read and one to write: the other parts are set', async () => {
    const bucket = await bucketForTest()
    const { settings } = await behind(bucket, (call) =>
      ['GET bucket?lifecycle', 'PUT bucket?policy'].includes(call) ? refusal(403, 'AccessDenied') : undefined,
    )
    const report = await setupOf({ ...settings, CORS_ORIGINS: 'https://portal.example' })

    expect(outcomesOf(report)).toMatchObject({
      versioning: 'changed',
      policy: 'failed',
      lifecycle: 'failed',
      cors: 'changed',
    })
    const advice = report.parts.map((part) => part.advice ?? '')
    expect(advice).toContainEqual(expect.stringContaining('Allow s3:PutBucketPolicy on arn:aws:s3:::'))
    expect(advice).toContainEqual(expect.stringContaining('Allow s3:GetLifecycleConfiguration on arn:aws:s3:::'))
  })

  test('to put an object, without which no part can be tested: nothing is changed', async () => {
    const bucket = await bucketForTest()
    const { settings, calls } = await behind(bucket, (call) =>
      call === 'PUT object' ? refusal(403, 'AccessDenied') : undefined,
    )
    const { code, stderr } = await setUp(settings)

    expect(code).toBe(1)
    expect(stderr).toMatch(/^Nothing was changed: .*Allow s3:PutObject on arn:aws:s3:::\S+\/\*/)
    expect(changesIn(calls)).toEqual([])
  })
})

test.each([
  ['PUT bucket?lifecycle', 'lifecycle'],
  ['PUT bucket?versioning', 'versioning'],
] as const)('%s, after which the bucket refuses documents, is taken back and said', async (call, part) => {
  const bucket = await bucketForTest()
  let isBroken = false
  const { settings, calls } = await behind(bucket, (each) => {
    const of = call.replace(/^PUT/, '')
    if (each.endsWith(of) && /^(PUT|DELETE)/.test(each)) isBroken = !isBroken
    return isBroken && each === 'PUT object' ? refusal(403, 'AccessDenied') : undefined
  })
  const report = await setupOf(settings)

  expect(outcomesOf(report)[part]).toBe('lacking')
  expect(report.parts.find((each) => each.part === part)?.says).toContain('so the setting was rolled back')
  expect(calls.filter((each) => /^(PUT|DELETE) bucket/.test(each) && each.endsWith(part))).toHaveLength(2)
  const setup = await readBucketSetup(bucket.client, bucket.name)
  expect([undefined, 'Suspended']).toContain(setup[part])
})

test.each(['lifecycle', 'policy'] as const)(
  'a %s that can be neither tested nor undone is reported as to be restored by hand',
  async (part) => {
    const bucket = await bucketForTest()
    const { settings } = await behind(bucket, (call, calls) =>
      calls.includes(`PUT bucket?${part}`) && ['PUT object', `DELETE bucket?${part}`].includes(call)
        ? refusal(503, 'SlowDown')
        : undefined,
    )
    const report = await setupOf(settings)

    expect(outcomesOf(report)).toMatchObject({ versioning: 'changed', [part]: 'failed' })
    expect(report.parts.find((each) => each.part === part)).toMatchObject({
      says: expect.stringContaining('could not be rolled back'),
      advice: expect.stringContaining('Restore the old setting by hand'),
    })
  },
)

test('a trial policy that could not be undone is reported even though documents were uploaded', async () => {
  const bucket = await bucketForTest()
  const { settings } = await behind(bucket, (call) =>
    call === 'DELETE bucket?policy' ? refusal(503, 'SlowDown') : undefined,
  )
  const policy = (await setupOf(settings)).parts.find(({ part }) => part === 'policy')

  expect(policy?.outcome).toBe('failed')
  expect(policy?.says).toMatch(/^The setting was tested and could not be rolled back/)
})

test('suspended versioning is turned on again', async () => {
  const { client, name: Bucket, ...bucket } = await bucketForTest()
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }))
  await setUp(operatorOf({ ...bucket, client, name: Bucket }))
  expect((await readBucketSetup(client, Bucket)).versioning).toBe('Enabled')
})

describe('without a bucket to set up', () => {
  test('a missing bucket is reported, with the command that creates it', async () => {
    const { code, stdout, stderr } = await setUp(operatorOf({ ...(await bucketForTest()), name: newBucketName() }))
    expect(code).toBe(1)
    expect(stdout).not.toMatch(/^[✓✗]/m)
    expect(stderr).toMatch(/^Bucket does not exist\. .*s3 test` creates it/)
  })

  test('no server listens there', async () => {
    const settings = operatorOf(await bucketForTest(), { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' })
    const { code, stderr } = await setUp(settings)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^Nothing answers at http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)\. .*AWS_ENDPOINT_URL_S3/,
      ),
    })
  })

  test('a web server there is reported once', async () => {
    const page = { status: 404, headers: { 'content-type': 'text/html' }, body: '<html><head><meta></head></html>' }
    const { settings } = await behind(await bucketForTest(), () => page)
    const { code, stdout, stderr } = await setUp(settings)
    expect(code).toBe(1)
    expect(stdout).not.toMatch(/^[✓✗]/m)
    expect(stderr).toMatch(/^The server at http:\S+ is not S3 \(status 404\)\. .*AWS_ENDPOINT_URL_S3.*\n$/)
  })

  test('a bucket in another region is reported', async () => {
    const bucket = await bucketForTest()
    const elsewhere = refusal(301, 'PermanentRedirect', '', { 'x-amz-bucket-region': 'eu-west-1' })
    const { settings } = await behind(bucket, () => elsewhere)
    expect(await setUp(settings)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('AWS_REGION_NAME=eu-west-1'),
    })
  })

  test('missing credentials are reported, with --json in one object', async () => {
    const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
    const { code, stdout } = await setUp(operatorOf(await bucketForTest(), none), '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'store_unavailable', message: expect.stringMatching(/^AWS credentials not found\. Set AWS_ACC/) },
    })
  })

  test('a bucket that disappears meanwhile is reported', async () => {
    const bucket = await bucketForTest()
    let isGone = false
    const { settings } = await behind(bucket, (call) => {
      isGone ||= call === 'GET bucket?lifecycle'
      return isGone ? refusal(404, 'NoSuchBucket') : undefined
    })
    expect(await setUp(settings)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^✓ Versioning: changed/m) })
  })
})

test('Ctrl-C ends it before the next part, and it prints that it can be run again', async () => {
  const bucket = await bucketForTest()
  const { settings, calls } = await behind(bucket, (call) => (call === 'GET bucket?lifecycle' ? 'silence' : undefined))
  const command = startCommand(await makeWorkFolder(), ['s3', 'setup'], settings)
  await command.untilSaid(/^. Default encryption/m)
  await expect.poll(() => calls).toContain('GET bucket?lifecycle')
  command.signal('SIGINT')

  expect(await command.ended()).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('Stopped before the end'),
  })
  expect((await readBucketSetup(bucket.client, bucket.name)).versioning).toBe('Enabled')
})

describe('wrong use', () => {
  const role = 'arn:aws:iam::123456789012:role/replication'
  const key = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd'
  test.each([
    [['--noncurrent-days', '0'], 'It must be a whole number, 1 to 36500.'],
    [['--transition-days', 'soon'], 'It must be a whole number, 1 to 36500, or off.'],
    [['--transition-days', '10'], 'S3 moves nothing to STANDARD_IA before it is 30 days old'],
    [['--transition-class', 'GLACIER_IR'], '--transition-class needs --transition-days <n>'],
    [['--transition-class', 'GLACIER'], 'It must be STANDARD_IA, INTELLIGENT_TIERING, GLACIER_IR.'],
    [['--replicate-to', 'elsewhere'], '--replicate-to needs --replication-role <arn>'],
    [['--replication-role', role], 'need --replicate-to <bucket>'],
    [['--replication-role', 'admin'], 'It must be the ARN of a role'],
    [['--replicate-to', 'paniq', '--replication-role', role], 'paniq is the bucket itself. Name another'],
    [['--kms-key', key], 'this key is in eu-west-1, and the bucket is in af-south-1'],
    [['--kms-key', 'mine'], 'It must be the ARN of a key'],
    [
      ['--kms-key', key.replace('eu-west', 'af-south'), '--replicate-to', 'elsewhere', '--replication-role', role],
      'needs --replica-kms-key <arn>',
    ],
  ])('%j: prints the allowed form', async (words, says) => {
    const settings = { AWS_S3_BUCKET: 'paniq', AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' }
    const { code, stdout, stderr } = await setUp(settings, ...words)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(says)
  })
})
