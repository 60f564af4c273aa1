import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

import { PutBucketPolicyCommand, PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'

import { quarantineKeyOf } from '../../../src/storage/storage-key.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { type FreshBucket, freshBucket } from '../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../support/s3/list-everything.ts'
import { newFirm, newKey } from '../contract/incoming-files.ts'
import { errorBody, startScriptedS3 } from './scripted-s3.ts'
import { openS3ByConfig, openS3On, type S3ForTest } from '../contract/stores-under-test.ts'

let bucket: FreshBucket
let s3: S3ForTest
beforeEach(async () => {
  bucket = await freshBucket()
  s3 = openS3On(bucket)
})
afterEach(async () => {
  s3.store.close()
  await bucket.remove()
})

async function putObjects(count: number): Promise<StorageKey[]> {
  const keys = Array.from({ length: count }, () => newKey())
  await put(keys)
  return keys
}

async function put(keys: string[]): Promise<void> {
  const limit = pLimit(32)
  await Promise.all(keys.map((key) => limit(putOne, key)))
}

function putOne(Key: string): Promise<unknown> {
  return bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body: 'bytes' }))
}

const everything = () => listBucket(bucket.client, bucket.name)
const kindsOf = async (key: string) =>
  (await everything())
    .filter((each) => each.key === key)
    .map(({ kind }) => kind)
    .toSorted()
/** Without the first call, which checks whether the bucket is versioned. */
const callsOf = ({ reports }: Pick<S3ForTest, 'reports'>) => reports.map(({ operation }) => operation).slice(1)

test('a thousand objects are removed in one call', async () => {
  const keys = await putObjects(1000)

  const outcomes = await s3.store.removeMany(keys)

  expect(callsOf(s3)).toEqual(['delete_objects'])
  expect(outcomes).toEqual(new Map(keys.map((key) => [key, 'destroyed'])))
  expect(await everything()).toEqual([])
})

test('absent objects, those in quarantine and those with keys of the platform are removed in the same call', async () => {
  const platforms = `security_firms/${newFirm()}/a & b 'März' <1>.pdf` as StorageKey // as a user named the file
  const quarantined = quarantineKeyOf(newKey())
  const absent = newKey()
  await put([platforms, quarantined])

  const outcomes = await s3.store.removeMany([platforms, quarantined, absent])

  expect(callsOf(s3)).toEqual(['delete_objects'])
  expect([...outcomes.values()]).toEqual(['destroyed', 'destroyed', 'destroyed'])
  expect(await everything()).toEqual([])
})

test('in a versioned bucket each object is hidden, and stays as an old version', async () => {
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await bucket.client.send(new PutBucketVersioningCommand({ Bucket: bucket.name, VersioningConfiguration }))
  const keys = await putObjects(3)

  const outcomes = await s3.store.removeMany(keys)

  expect(callsOf(s3)).toEqual(['delete_objects'])
  expect(outcomes).toEqual(new Map(keys.map((key) => [key, 'hidden'])))
  for (const key of keys) expect(await kindsOf(key)).toEqual(['delete_marker', 'object'])
})

test('a process that only repeats removals of another one learns that the bucket keeps versions', async () => {
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await bucket.client.send(new PutBucketVersioningCommand({ Bucket: bucket.name, VersioningConfiguration }))
  const [alone = newKey(), ...batch] = await putObjects(3)
  await s3.store.removeMany([alone, ...batch])

  const { store: ofSecond } = openS3On(bucket)
  const repeated = await ofSecond.removeMany(batch)
  const { store: ofThird } = openS3On(bucket)
  const repeatedAlone = await ofThird.remove(alone)

  expect([...repeated.values(), repeatedAlone]).toEqual(['hidden', 'hidden', 'hidden'])
  ofSecond.close()
  ofThird.close()
})

test('a bucket that was versioned later is recognized as versioned', async () => {
  await s3.store.removeMany([newKey(), newKey()])
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await bucket.client.send(new PutBucketVersioningCommand({ Bucket: bucket.name, VersioningConfiguration }))
  const keys = await putObjects(3)
  await s3.store.removeMany(keys.slice(1))

  const repeated = await s3.store.removeMany(keys.toReversed())

  expect([...repeated.values()]).toEqual(['hidden', 'hidden', 'hidden'])
})

test('the answer to a repeat does not prove that a bucket keeps no versions', async () => {
  const keys = [newKey(), newKey()]
  // A store that answers the repeat of a removal without the marker that the first one created.
  const hidden = { status: 204, headers: { 'x-amz-delete-marker': 'true' } }
  const body = `<DeleteResult>${keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join('')}</DeleteResult>`
  const scripted = await startScriptedS3({
    DELETE: ['lose_the_answer', { status: 204 }, hidden],
    POST: [{ status: 200, body }],
  })
  const { store } = openS3ByConfig(scripted.config)

  const outcomes = await store.removeMany(keys)

  expect([...outcomes.values()]).toEqual(['hidden', 'hidden'])
  store.close()
  await scripted.close()
})

test('an object that may not be removed does not prevent the removal of others', async () => {
  const keys = await putObjects(5)
  const [kept = newKey(), ...others] = keys
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: `arn:aws:s3:::${bucket.name}/${kept}` },
    ],
  })
  await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }))

  const outcomes = await s3.store.removeMany(keys)

  expect(outcomes.get(kept)).toMatchObject({ code: 'unavailable' })
  expect(others.map((key) => outcomes.get(key))).toEqual(['destroyed', 'destroyed', 'destroyed', 'destroyed'])
  expect((await everything()).map(({ key }) => key)).toEqual([kept])
})

describe('a store without the call for many objects', () => {
  it.each([
    ['lacks a right on the bucket', 403, 'AccessDenied'],
    ['does not know the call', 501, 'NotImplemented'],
    ['does not allow the method', 405, 'MethodNotAllowed'],
    ['asks for an MD5', 400, 'MissingContentMD5'],
    ['cannot read the request', 400, 'MalformedXML'],
  ])('is called once for each object: it %s', async (_why, status, code) => {
    const proxy = await startProxyWithoutDeleteObjects(bucket.s3.endpoint, { status, body: errorBody(code) })
    const { store, reports } = openS3On(bucket, { endpoint: proxy.endpoint })
    const keys = await putObjects(3)

    const outcomes = await store.removeMany(keys)

    expect(callsOf({ reports }).toSorted()).toEqual([
      'delete_object',
      'delete_object',
      'delete_object',
      'delete_objects',
    ])
    expect(outcomes).toEqual(new Map(keys.map((key) => [key, 'destroyed'])))
    expect(await everything()).toEqual([])
    store.close()
    await proxy.close()
  })
})

test('an object that the answer does not mention does not count as removed', async () => {
  const [removed, unmentioned] = [newKey(), newKey()]
  const body = `<DeleteResult><Deleted><Key>${removed}</Key></Deleted></DeleteResult>`
  const scripted = await startScriptedS3({ DELETE: [{ status: 204 }], POST: [{ status: 200, body }] })
  const { store } = openS3ByConfig(scripted.config)

  const outcomes = await store.removeMany([removed, unmentioned])

  expect(outcomes.get(removed)).toBe('destroyed')
  expect(outcomes.get(unmentioned)).toMatchObject({ code: 'unavailable' })
  store.close()
  await scripted.close()
})

/** Forwards every request to a real store, but answers `POST ?delete` itself. */
async function startProxyWithoutDeleteObjects(target: string, refusal: { status: number; body: string }) {
  const { hostname, port } = new URL(target)
  const server = createServer((asked, answer) => {
    if (asked.method === 'POST' && asked.url?.includes('delete') === true) {
      asked.resume().on('end', () => answer.writeHead(refusal.status).end(refusal.body))
      return
    }
    const { method, url: path, headers } = asked
    const passed = request({ hostname, port, method, path, headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers)
      answered.pipe(answer)
    })
    asked.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: own } = server.address() as AddressInfo // the address of a TCP listener
  return {
    endpoint: `http://127.0.0.1:${own}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
