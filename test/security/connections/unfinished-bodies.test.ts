import { setTimeout as sleep } from 'node:timers/promises'

import { expect, it } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'

import { makePdf } from '../../support/files/make-files.ts'
import { asChunk, formEnd, formStart, openRaw, uploadHead } from '../../support/http/raw-connection.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { startService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword } from '../../people/call-people.ts'

const maxUnfinished = 20

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  const serve = async (maxSeconds: number) => {
    const server = await buildApi(service.app, { maxSilenceSeconds: 30, bodies: { maxSeconds, maxUnfinished } })
    closing.defer(() => server.close())
    return await server.listen({ host: '127.0.0.1', port: 0 })
  }
  return { service, url: await serve(60), hastyUrl: await serve(1) }
})

const kib = 1024

const jsonHead = (path: string, ...headers: string[]) =>
  [`POST /api/v1${path} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', ...headers, '', ''].join('\r\n')

/** A refresh whose body never ends, unless the service ends it. */
async function beginBody(url: string) {
  const connection = await openRaw(url)
  const state = { isEnded: false, connection }
  void connection.answer.then(() => (state.isEnded = true))
  await connection.send(jsonHead('/auth/refresh', `Content-Length: ${15 * kib}`))
  await connection.send('{"refresh_token":"')
  return state
}

it.each([
  ['with its length', `Content-Length: ${17 * kib}`, (body: string) => body],
  ['in chunks', 'Transfer-Encoding: chunked', asChunk],
])('a body %s of more than 16 KiB is 413 on a public route before it ends', async (_how, header, encode) => {
  const connection = await openRaw(scene.url)
  await connection.send(jsonHead('/auth/refresh', header))
  await connection.send(encode(`{"refresh_token":"${'a'.repeat(16 * kib)}`))
  const { status, body } = await connection.answer

  expect(status).toBe(413)
  expect(JSON.parse(body)).toMatchObject({ code: 'too_large' })
})

it('a signed-in caller may send a body of 100 KB, and no larger one than 128 KiB', async () => {
  const { admin } = await firmWithAdmin(scene.service)
  const send = (bytes: number) =>
    call(scene.url, 'POST /auth/passkeys', { headers: admin.headers, body: { name: 'a'.repeat(bytes) } })

  expect(await send(100_000)).toMatchObject({ status: 422 })
  expect(await send(128 * kib)).toMatchObject({ status: 413 })
})

it('of many unfinished bodies the oldest lose their connections, and a login still succeeds', async () => {
  const begun: Awaited<ReturnType<typeof beginBody>>[] = []
  for (let count = 0; count < 3 * maxUnfinished; count += 1) begun.push(await beginBody(scene.url))
  await expect.poll(() => begun.filter(({ isEnded }) => !isEnded).length).toBeLessThanOrEqual(maxUnfinished)
  const ended = begun.map(({ isEnded }) => isEnded)
  const person = await makePersonWithPassword(scene.service.app)
  const tokens = await logIn(scene.url, person)
  for (const { connection } of begun) connection.drop()

  expect(ended).toEqual(begun.map((_each, index) => index < begun.length - maxUnfinished))
  expect(tokens.token_type).toBe('bearer')
})

it('a body that arrives one byte after the other loses its connection after its time', async () => {
  const { connection } = await beginBody(scene.hastyUrl)
  let sent = 0
  while (sent < 6000 && (await connection.send('a'))) {
    sent += 1
    await sleep(20)
  }

  expect((await connection.answer).status).toBeUndefined()
  expect(sent).toBeLessThan(6000)
})

it('an upload may take longer than a body of JSON', async () => {
  const { firm, admin } = await firmWithAdmin(scene.service)
  const file = makePdf({ bytes: 6000 })
  const connection = await openRaw(scene.hastyUrl)
  const length = formStart.length + file.length + formEnd.length
  await connection.send(uploadHead(firm, admin.headers.authorization, `Content-Length: ${length}`, 'Connection: close'))
  await connection.send(formStart)
  for (let from = 0; from < file.length; from += 1000) {
    await connection.send(file.subarray(from, from + 1000))
    await sleep(400)
  }
  await connection.send(formEnd)

  expect((await connection.answer).status).toBe(201)
})
