import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { makePdf } from '../support/files/make-files.ts'

/** The address of uploads, and their sender. */
export type Counter = { url: string; headers: Record<string, string> }

export type SentFile = {
  sha256: string
  /** The status, or the reason why there was no answer. */
  answer: number | string
  /** The id of the document in an answer of 201. */
  id: string | undefined
  ms: number
}

type Load = { bytes: number; perSecond: number; signal: AbortSignal }

/**
 * Sends a different file at every tick until the signal, whether or not earlier ones are answered, like independent
 * people. Then waits for the last answers. No file is sent twice.
 */
export async function sendSteadily(counter: Counter, { bytes, perSecond, signal }: Load): Promise<SentFile[]> {
  const sending: Promise<SentFile>[] = []
  const startedAt = performance.now()
  while (!signal.aborted) {
    sending.push(sendFile(counter, makePdf({ bytes, seed: `${startedAt}/${sending.length}` })))
    const dueAt = startedAt + (sending.length * 1000) / perSecond
    await sleep(Math.max(0, dueAt - performance.now()))
  }
  return Promise.all(sending)
}

/**
 * Sends this number of files at once as fast as they are answered, for this time, and returns the number of 201 answers
 * a second.
 */
export async function measureRate(
  counter: Counter,
  { bytes, atOnce, seconds }: { bytes: number; atOnce: number; seconds: number },
): Promise<number> {
  const file = makePdf({ bytes })
  const startedAt = performance.now()
  let answered = 0
  const senders = Array.from({ length: atOnce }, async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      const { answer } = await sendFile(counter, file)
      if (answer !== 201) throw new Error(`the bare pipe answered ${answer}`)
      answered += 1
    }
  })
  await Promise.all(senders)
  return answered / ((performance.now() - startedAt) / 1000)
}

const maxMsToAnswer = 60_000
const boundary = 'the-end-of-a-part-of-the-form'
const opening = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="document.pdf"\r\ncontent-type: application/pdf\r\n\r\n`

/** Over a new connection: a kept-alive one could be closed by the server at the moment of its use. */
async function sendFile({ url, headers }: Counter, file: Buffer): Promise<SentFile> {
  const body = Buffer.concat([Buffer.from(opening), file, Buffer.from(`\r\n--${boundary}--\r\n`)])
  const sentAt = performance.now()
  const sha256 = createHash('sha256').update(file).digest('hex')
  const done = (answer: number | string, id?: string) => ({ sha256, answer, id, ms: performance.now() - sentAt })
  try {
    const asking = request(url, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(maxMsToAnswer),
      headers: {
        ...headers,
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-length': body.length,
      },
    })
    asking.end(body)
    // the first and only argument of the event
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    const said = await text(answer)
    if (answer.statusCode !== 201) return done(answer.statusCode ?? 0)
    return done(201, said === '' ? undefined : (JSON.parse(said) as { id: string }).id)
  } catch (error) {
    return done(String(error))
  }
}
