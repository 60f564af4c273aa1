import { once } from 'node:events'

import { Upload } from 'tus-js-client'
import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { callUploads } from './call-uploads.ts'
import { clients } from './send-files.ts'

const page = 'https://pages.example'

/** Both services behind lines that break after some bytes. */
const scene = sceneOfFile(async (closing) => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const open = async (settings: Record<string, string>) => {
    const service = await startService({ MAX_UPLOAD_BYTES: '60000000', CORS_ORIGINS: page, ...settings })
    closing.defer(() => service.stop())
    const line = await startFaultProxy({ port: Number(new URL(service.url).port) })
    closing.defer(() => line.close())
    line.setFault({ kind: 'cut_up', afterBytes: 5_000_000 })
    return { service, line: `http://127.0.0.1:${line.port}`, connections: line.connections }
  }
  return { onS3: await open(s3Settings(bucket)), onDisk: await open({}) }
})
const stores = ['onS3', 'onDisk'] as const

const bytes = makePdf({ bytes: 17_000_000 })

it.each(Object.entries(clients).flatMap(([name, send]) => stores.map((store) => ({ name, store, send }))))(
  '$name sends a file over a line that breaks: $store',
  async ({ store, send }) => {
    const { service, line, connections } = scene[store]
    const { firm, admin } = await firmWithAdmin(service)
    const before = connections()

    const endpoint = `${line}/api/v1/security-firms/${firm}/uploads`
    await send({ endpoint, person: admin, bytes, retries: 20, retryAfterMs: 50 })

    expect(connections() - before).toBeGreaterThan(2)
    const address = `${service.url}/api/v1/security-firms/${firm}/documents`
    const documents = (await (await fetch(address, { headers: admin.headers })).json()) as { id: string }[]
    expect(documents).toEqual([expect.objectContaining({ file_name: 'licence.pdf', file_size: bytes.length })])
    const uploads = callUploads({ url: service.url, firm, person: admin })
    const headers = new Headers({ 'content-location': `/api/v1/security-firms/${firm}/documents/${documents[0]?.id}` })
    expect((await uploads.download({ status: 200, headers, code: undefined })).equals(bytes)).toBe(true)
  },
)

it('tus-js-client ends an upload', async () => {
  const { service } = scene.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  const uploads = callUploads({ url: service.url, firm, person: admin })
  const begun = new EventTarget()
  const upload = new Upload(bytes, {
    endpoint: uploads.root,
    headers: admin.headers,
    metadata: { filename: 'licence.pdf', document_type: 'registration_certificate' },
    chunkSize: 1_000_000,
    onChunkComplete: () => void begun.dispatchEvent(new Event('chunk')),
  })
  const chunk = once(begun, 'chunk')
  upload.start()
  await chunk

  await upload.abort(true)

  expect((await uploads.view(upload.url ?? '')).status).toBe(404)
})

it('the page of an origin in CORS_ORIGINS may send and read the headers of the protocol', async () => {
  const { service } = scene.onDisk
  const { firm, admin } = await firmWithAdmin(service)
  const uploads = callUploads({ url: service.url, firm, person: admin })
  const address = await uploads.beginAt(1000)

  const preflight = await fetch(address, {
    method: 'OPTIONS',
    headers: {
      origin: page,
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization,content-type,tus-resumable,upload-offset',
    },
  })
  const viewed = await uploads.call(address, 'HEAD', { origin: page })

  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe(page)
  expect(preflight.headers.get('tus-version')).toBe('1.0.0')
  expect(namesIn(preflight.headers.get('access-control-allow-methods'))).toEqual(
    expect.arrayContaining(['patch', 'head', 'delete']),
  )
  expect(namesIn(preflight.headers.get('access-control-allow-headers'))).toEqual(
    expect.arrayContaining([
      'authorization',
      'content-type',
      'tus-resumable',
      'upload-length',
      'upload-metadata',
      'upload-offset',
    ]),
  )
  expect(namesIn(viewed.headers.get('access-control-expose-headers'))).toEqual(
    expect.arrayContaining([
      'content-location',
      'location',
      'tus-resumable',
      'upload-expires',
      'upload-length',
      'upload-offset',
    ]),
  )
})

function namesIn(header: string | null): string[] {
  return (header ?? '').toLowerCase().split(', ')
}
