import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { expect, onTestFinished, test } from 'vitest'

import { openS3Client } from '../../../src/storage/s3/requests/retrying-s3-client.ts'
import { openFirstPut, type PutRequest } from '../../../src/storage/s3/requests/s3-first-put.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { newKey, sha256Of } from '../contract/incoming-files.ts'

type Turn = { status?: number; afterMs?: number }

/** One connection to a server with this answer; requests wait for it. */
async function against({ status = 200, afterMs = 0 }: Turn) {
  const server = createServer((request, response) => {
    request.resume().once('end', () => setTimeout(() => response.writeHead(status, { etag: '"e"' }).end(), afterMs))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // the address of a TCP listener
  const endpoint = `http://127.0.0.1:${port}`
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'not-a-secret' }
  const place = { bucket: 'documents', region: 'af-south-1', forcePathStyle: true, cloudFront: undefined, credentials }
  const config = { ...place, endpoint, publicEndpoint: endpoint }
  const [client, repeating] = [1, 2].map(() => openS3Client({ config, log: { warn: () => undefined } }))
  if (client === undefined || repeating === undefined) throw new Error('two were made')
  const timeouts = { connectMs: 2000, answerMs: 10_000, idleMs: 10_000, attempts: 1 }
  const first = openFirstPut({
    client,
    repeating,
    bucket: config.bucket,
    region: config.region,
    maxConnections: 1,
    timeouts,
  })
  onTestFinished(async () => {
    first.close()
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  return (wish: Partial<PutRequest> = {}) => {
    const body = wish.body ?? makePdf()
    const request = { key: newKey(), body, sha256: sha256Of(body), headers: {}, timeoutMs: 10_000, signal: undefined }
    return first.put({ ...request, ...wish })
  }
}

const outcomeOf = (putting: Promise<unknown>) =>
  putting.then(
    () => 'done',
    (error: Error) => error.name + error.message,
  )

test.each([200, 201, 204])('an answer of %i is a success', async (status) => {
  const put = await against({ status })

  await expect(put()).resolves.toMatchObject({ ETag: '"e"', $metadata: { attempts: 1 } })
})

test('a request that waits for a connection ends at its timeout, and when its client disconnects', async () => {
  const put = await against({ afterMs: 1500 })
  const isDone = { value: false }
  const taking = put().then(() => (isDone.value = true))
  const leaving = new AbortController()
  const late = outcomeOf(put({ timeoutMs: 200 }))
  const left = outcomeOf(put({ signal: leaving.signal }))
  leaving.abort(new Error('gone'))

  expect([await late, await left, isDone.value]).toEqual(['TimeoutErrorS3 did not answer in time', 'Errorgone', false])
  await taking
})

test('a large body is sent completely, piece by piece', async () => {
  const put = await against({})
  const body = makePdf({ bytes: 3_000_000 })

  await expect(Promise.all([put({ body }), put({ body })])).resolves.toHaveLength(2)
})
