import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { DeleteBucketCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3'
import { describe, expect, onTestFinished, test } from 'vitest'

import { listBucket } from '../../support/s3/list-everything.ts'
import { s3ClientOf } from '../../support/services/packages/s3-client.ts'
import { testServices } from '../../support/services/packages/test-services.ts'
import { makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'
import { type Report, reportOf, testS3 } from './s3-report.ts'
import { bucketForTest, newBucketName, s3Settings } from '../../support/cli/s3-settings.ts'
import { openStoreInBetween, refusal } from '../../support/cli/s3-proxy.ts'

const steps = [
  'credentials',
  'bucket',
  'clock',
  'list',
  'put',
  'get',
  'presigned_get',
  'delete',
  'abort_multipart',
  'safeguards',
  'cors',
]

test('every step of the service is printed with a mark, and no object stays in the bucket', async () => {
  const bucket = await bucketForTest()
  const { code, stdout, stderr } = await testS3(s3Settings(bucket.name))

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(marksOf(stdout)).toEqual([...Array<string>(9).fill('✓'), '!', '–'])
  expect(stdout).toContain('test/connection_test.txt')
  expect(stdout).toContain('Credentials found: AWS_ACCESS_KEY_ID in the environment')
  expect(stdout).toMatch(/^Checksums: only where a call requires one/m)
  expect(await listBucket(bucket.client, bucket.name)).toEqual([])
})

test('--json prints one object with the steps and no secret', async () => {
  const bucket = await bucketForTest()
  const settings = s3Settings(bucket.name)
  const { code, stdout } = await testS3(settings, '--json')

  expect(code).toBe(0)
  const answer: Report = JSON.parse(stdout)
  expect(answer).toMatchObject({ ok: true, bucket: bucket.name, checksums: 'when_required' })
  expect(answer.steps.map(({ step }) => step)).toEqual(steps)
  expect(stdout).not.toContain(settings['AWS_ACCESS_KEY_ID'])
  expect(stdout).not.toContain(settings['AWS_SECRET_ACCESS_KEY'])
})

test('a missing bucket is created in its region', async () => {
  const name = newBucketName()
  const { s3 } = testServices()
  const client = s3ClientOf(s3, s3.owner)
  onTestFinished(async () => {
    await client.send(new DeleteBucketCommand({ Bucket: name }))
    client.destroy()
  })
  const first = await testS3(s3Settings(name))
  expect(first.stdout).toContain(`✓ Bucket ${name} did not exist and was created in ${s3.region}`)
  expect(first.code).toBe(0)

  expect((await testS3(s3Settings(name))).stdout).toContain(`✓ Bucket ${name} exists`)
})

test('a new bucket gets a location constraint, except in Amazon’s first region', async () => {
  const created: string[] = []
  const endpoint = await openStoreInBetween({
    answer(call, body) {
      if (call !== 'PUT bucket') return refusal(404, 'NoSuchBucket')
      created.push(body)
      return refusal(403, 'AccessDenied')
    },
  })
  await testS3(s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION_NAME: 'eu-west-1' }))
  await testS3(s3Settings('paniq', { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION_NAME: 'us-east-1' }))
  expect(created).toEqual([expect.stringContaining('<LocationConstraint>eu-west-1</LocationConstraint>'), ''])
})

describe('credentials', () => {
  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }

  test('that are missing: prints the settings, and tries no other step', async () => {
    const answer = await reportOf(s3Settings('paniq', none))
    expect(answer.steps[0]).toMatchObject({ outcome: 'failed', says: 'AWS credentials not found' })
    expect(answer.steps[0]?.advice).toContain('AWS_ACCESS_KEY_ID')
    expect(answer.steps.slice(1).map(({ outcome }) => outcome)).toEqual(Array(10).fill('skipped'))
  })

  test('with the placeholders of the example count as missing, also for the SDK', async () => {
    const placeholders = { AWS_ACCESS_KEY_ID: 'your-access-key-id', AWS_SECRET_ACCESS_KEY: 'your-secret-access-key' }
    const answer = await reportOf(s3Settings('paniq', placeholders))
    expect(answer.steps[0]).toMatchObject({ outcome: 'failed', says: 'AWS credentials not found' })
  })

  test('with a wrong key and with a wrong secret are distinguished', async () => {
    const { name } = await bucketForTest()
    const wrongKey = await reportOf(s3Settings(name, { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }))
    expect(wrongKey.steps[1]?.advice).toContain('Check AWS_ACCESS_KEY_ID')
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
    const { stdout } = await testS3(s3Settings(name, { AWS_SECRET_ACCESS_KEY: secret }))
    expect(stdout).toContain('Check AWS_SECRET_ACCESS_KEY')
    expect(stdout).not.toContain(secret)
  })

  test('that expire before a link: the link’s step fails', async () => {
    const { name } = await bucketForTest()
    const settings = s3Settings(name)
    const folder = await makeWorkFolder()
    const soon = new Date(Date.now() + 20_000).toISOString()
    const identity = {
      Version: 1,
      AccessKeyId: settings['AWS_ACCESS_KEY_ID'],
      SecretAccessKey: settings['AWS_SECRET_ACCESS_KEY'],
      Expiration: soon,
    }
    await writeFile(join(folder, 'identity.json'), JSON.stringify(identity))
    await writeFile(join(folder, 'config'), `[default]\ncredential_process = /bin/cat ${folder}/identity.json\n`)
    await writeFile(join(folder, '.env'), 'AWS_CONFIG_FILE=config\n')
    const { code, stdout } = await runCommand(folder, ['s3', 'test'], { settings: { ...settings, ...none } })

    expect(code).toBe(1)
    expect(stdout).toContain('✓ Credentials found: a profile’s credential_process')
    expect(stdout).toContain('✗ Failed to generate presigned URL')
  })
})

describe('pages of another origin', () => {
  const origins = 'https://portal.example,https://www.paniq.example'
  const rule = { AllowedOrigins: ['https://*.example'], AllowedMethods: ['GET', 'HEAD'] }

  test('without a CORS rule: the rule is printed, and setting it makes the test pass', async () => {
    const { name, client } = await bucketForTest()
    const before = await reportOf(s3Settings(name, { CORS_ORIGINS: origins }))
    const cors = before.steps.at(-1)
    expect(cors).toMatchObject({ step: 'cors', outcome: 'failed' })
    const printed = /--cors-configuration '(.*)'/.exec(cors?.advice ?? '')?.[1] ?? ''
    await client.send(new PutBucketCorsCommand({ Bucket: name, CORSConfiguration: JSON.parse(printed) }))
    const after = await reportOf(s3Settings(name, { CORS_ORIGINS: origins }))
    expect(after.steps.at(-1)?.outcome).toBe('ok')
  })

  test('a rule with an asterisk allows only the origins that it matches', async () => {
    const { name, client } = await bucketForTest()
    await client.send(new PutBucketCorsCommand({ Bucket: name, CORSConfiguration: { CORSRules: [rule] } }))
    expect((await reportOf(s3Settings(name, { CORS_ORIGINS: origins }))).steps.at(-1)?.outcome).toBe('ok')
    const other = await reportOf(s3Settings(name, { CORS_ORIGINS: `${origins},http://portal.example` }))
    expect(other.steps.at(-1)?.says).toContain('pages of http://portal.example may not')
  })

  test('a rule that may not be read is a note with the rule to set, and no failure', async () => {
    const { name } = await bucketForTest()
    const endpoint = await openStoreInBetween({
      behind: testServices().s3.endpoint,
      answer: (call) => (call === 'GET bucket?cors' ? refusal(403, 'AccessDenied') : undefined),
    })
    const answer = await reportOf(s3Settings(name, { AWS_ENDPOINT_URL_S3: endpoint, CORS_ORIGINS: origins }))
    expect(answer.ok).toBe(true)
    expect(answer.steps.at(-1)).toMatchObject({ outcome: 'note', advice: expect.stringContaining('AllowedOrigins') })
  })
})

test('links for a public address are noted as not tried', async () => {
  const { name } = await bucketForTest()
  const settings = s3Settings(name, { S3_PUBLIC_ENDPOINT_URL: 'http://127.0.0.1:1' })
  const answer = await reportOf(settings)
  expect(answer.ok).toBe(true)
  expect(answer.steps.find(({ step }) => step === 'presigned_get')).toMatchObject({
    outcome: 'note',
    advice: expect.stringContaining('http://127.0.0.1:1'),
  })
})

function marksOf(stdout: string): string[] {
  return [...stdout.matchAll(/^([✓✗!–]) /gm)].map(([, mark = '']) => mark)
}
