// Sends the load from a process of its own, so that its work is not counted as the service's.
import { Agent, type ClientRequest, type IncomingMessage, request as openRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'

import { PutObjectCommand } from '@aws-sdk/client-s3'

import { makePdf } from '../../test/support/files/make-files.ts'
import { s3ClientOf } from '../../test/support/services/packages/s3-client.ts'
import type { S3Address } from '../../test/support/services/packages/service-addresses.ts'

/** One kind of request. `form`: a file in a form, as a browser sends it; `raw`: the file is the body. */
export type Call =
  | { by: 'http'; method: string; url: string; headers: Record<string, string>; file?: FileToSend; expected: number }
  | { by: 'sdk'; s3: S3Address; bucket: string; bytes: number }

type FileToSend = { bytes: number; as: 'form' | 'raw' }

export type LoadRequest = { call: Call; count: number; atOnce: number }

export type LoadResult = { seconds: number; medianMs: number; slowestMs: number }

export type LoadReply = { result: LoadResult } | { failure: string }

type Send = (number: number) => Promise<void>

process.on('message', (order: LoadRequest) => {
  sendLoad(order)
    .then((result): LoadReply => ({ result }))
    .catch((error: unknown): LoadReply => ({ failure: String(error) }))
    .then((answer) => process.send?.(answer))
    .catch(() => process.exit(1))
})
process.once('disconnect', () => process.exit())

async function sendLoad({ call, count, atOnce }: LoadRequest): Promise<LoadResult> {
  // New for each load: the server ends idle connections between two loads.
  const agent = new Agent({ keepAlive: true })
  const send = call.by === 'sdk' ? bySdk(call) : byHttp(call, agent)
  const milliseconds: number[] = []
  let next = 0
  const startedAt = performance.now()
  const workers = Array.from({ length: atOnce }, async (_, slot) => {
    while (next < count) {
      next += 1
      const sentAt = performance.now()
      await send(slot)
      milliseconds.push(performance.now() - sentAt)
    }
  })
  await Promise.all(workers)
  const seconds = (performance.now() - startedAt) / 1000
  agent.destroy()
  const sorted = milliseconds.sort((a, b) => a - b)
  return { seconds, medianMs: sorted[Math.floor(count / 2)] ?? 0, slowestMs: sorted.at(-1) ?? 0 }
}

/** Each slot overwrites its own object, so that the store does not fill up. */
function bySdk({ s3, bucket, bytes }: Call & { by: 'sdk' }): Send {
  const client = s3ClientOf(s3, s3.app)
  const Body = makePdf({ bytes })
  return async (slot) => {
    await client.send(
      new PutObjectCommand({ Bucket: bucket, Key: `bench/sdk-${slot}`, Body, ContentType: 'application/pdf' }),
    )
  }
}

function byHttp({ method, url, headers, file, expected }: Call & { by: 'http' }, agent: Agent): Send {
  const { type, bytes } = bodyOf(file)
  const all = { ...headers, ...type, ...(bytes && { 'content-length': bytes.length }) }
  return async (slot) => {
    const outgoing = openRequest(url.replace('{slot}', String(slot)), { method, headers: all, agent })
    const answered = answerTo(outgoing)
    outgoing.end(bytes)
    const answer = await answered
    const text = await buffer(answer)
    if (answer.statusCode !== expected) throw new Error(`${url} answered ${answer.statusCode}: ${text.toString()}`)
  }
}

function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => outgoing.once('response', resolve).once('error', reject))
}

function bodyOf(file: FileToSend | undefined): { type?: Record<string, string>; bytes?: Buffer } {
  if (file === undefined) return {}
  const pdf = makePdf({ bytes: file.bytes })
  if (file.as === 'raw') return { type: { 'content-type': 'application/pdf' }, bytes: pdf }
  const boundary = 'a-boundary-in-no-file'
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="licence.pdf"\r\nContent-Type: application/pdf\r\n\r\n`
  return {
    type: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    bytes: Buffer.concat([Buffer.from(head), pdf, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  }
}
