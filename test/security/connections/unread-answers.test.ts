import { once } from 'node:events'
import { readdir, readlink } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, it } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'
import { callDocuments, uploadDocument } from '../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'

/** A reader has four times this long. */
const maxSilenceSeconds = 1.5
const size = 30_000_000

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ MAX_UPLOAD_BYTES: '60000000' })
  closing.defer(() => service.stop())
  const server = await buildApi(service.app, { maxSilenceSeconds })
  closing.defer(() => server.close())
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin, { bytes: makePdf({ bytes: size }) })
  const answer = await callDocuments(service.url, firm, admin, `/${id}/download`, {
    headers: { accept: 'application/json' },
  })
  const { url: path } = (await answer.json()) as { url: string }
  return { service, url, path }
})

/** Requests the file and reads nothing. */
async function ask(): Promise<Socket> {
  const { hostname, port } = new URL(scene.url)
  const socket = connect(Number(port), hostname)
  socket.pause().write(`GET ${scene.path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
  await once(socket, 'connect')
  return socket
}

/** The files below the uploads that this process has open. */
async function openFiles(): Promise<string[]> {
  const { uploadsDir } = scene.service.app.config
  const numbers = await readdir('/proc/self/fd')
  const paths = await Promise.all(numbers.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => '')))
  return paths.filter((path) => path.startsWith(`${uploadsDir}/security_firms`))
}

async function readAll(socket: Socket): Promise<number> {
  let received = 0
  try {
    for await (const chunk of socket) received += (chunk as Buffer).length
  } catch {
    // The other side has closed it.
  }
  return received
}

it('a download that is not read any further releases its file and its connection', async () => {
  const socket = await ask()
  await expect.poll(openFiles).toHaveLength(1)

  await expect.poll(openFiles).toEqual([])
  expect(await readAll(socket)).toBeLessThan(size)
})

it('a download with a pause completes', async () => {
  const socket = await ask()
  await expect.poll(openFiles).toHaveLength(1)
  await sleep(maxSilenceSeconds * 1000)

  expect(await readAll(socket)).toBeGreaterThan(size)
  await expect.poll(openFiles).toEqual([])
})
