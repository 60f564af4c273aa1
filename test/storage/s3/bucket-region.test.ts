import { expect, onTestFinished, test } from 'vitest'

import { loadConfig } from '../../../src/config/load-config.ts'
import { findBucketRegion, withBucketRegion } from '../../../src/storage/connection-test/find-bucket.ts'
import { startScriptedS3, type Turn } from './scripted-s3.ts'
import { freshBucket } from '../../support/s3/fresh-bucket.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { startMoto } from '../../support/services/programs/moto.ts'

test('the region of a bucket is found although the settings name another one', async () => {
  const moto = await startMoto()
  onTestFinished(() => moto.stop())
  const bucket = await freshBucket({ ...moto.s3, region: 'eu-west-1' })
  const { s3 } = loadConfig({ ...s3Settings(bucket), AWS_REGION_NAME: 'af-south-1' })

  expect(await findBucketRegion(s3)).toBe('eu-west-1')
}, 120_000)

const inEurope = { 'x-amz-bucket-region': 'eu-west-1' }
test.each<[string, Turn, string | undefined]>([
  ['sends elsewhere', { status: 301, headers: inEurope }, 'eu-west-1'],
  ['refuses', { status: 403, headers: inEurope }, 'eu-west-1'],
  ['refuses a signature of another region', { status: 400, headers: inEurope }, 'eu-west-1'],
  ['says nothing of regions', { status: 200 }, undefined],
  ['has no such bucket', { status: 404 }, undefined],
])('the region is found in the headers of an answer that %s', async (_how, turn, found) => {
  const store = await startScriptedS3({ HEAD: [turn] })
  onTestFinished(() => store.close())

  expect(await findBucketRegion(store.config)).toBe(found)
  expect(store.asked.map(({ call }) => call)).toEqual(['HEAD'])
})

test.each<[string, string | undefined, string]>([
  ['where it says that it is', 'eu-west-1', 'eu-west-1'],
  ['where the settings say, when it says nothing', undefined, 'af-south-1'],
])('a bucket at Amazon is requested %s', async (_where, found, region) => {
  const { s3 } = loadConfig({ AWS_REGION_NAME: 'af-south-1', AWS_S3_BUCKET: 'backups' })

  expect(await withBucketRegion(s3, async () => found)).toEqual({ ...s3, region })
})

test('a store other than Amazon’s uses the configured region without a request', async () => {
  const store = await startScriptedS3({ HEAD: [{ status: 301, headers: inEurope }] })
  onTestFinished(() => store.close())

  expect(await withBucketRegion(store.config)).toEqual(store.config)
  expect(store.asked).toEqual([])
})
