import { once } from 'node:events'
import { request } from 'node:http'

import { documentsOf, type Scene } from '../acceptance/scene.ts'
import { makePdf } from '../support/files/make-files.ts'

export const document = makePdf({ bytes: 200_000 })

type Upload = {
  /** Resolves when the first half was sent. */
  begun: Promise<void>
  /** Sends the rest, and returns the answer. */
  finish(): Promise<{ status: number; body: unknown }>
}

/** An upload whose first half was sent. */
export function beginUpload(scene: Scene): Upload {
  const head = Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="licence.pdf"\r\n\r\n')
  const form = Buffer.concat([head, document, Buffer.from('\r\n--b--\r\n')])
  const sending = request(`${scene.client.url}${documentsOf(scene)}?document_type=security_license`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${scene.founder.token}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': form.length,
    },
  })
  const answered = once(sending, 'response')
  const begun = new Promise<void>((resolve) => void sending.write(form.subarray(0, 100_000), () => resolve()))
  return {
    begun,
    async finish() {
      await begun
      sending.end(form.subarray(100_000))
      const [response] = (await answered) as [AsyncIterable<Buffer> & { statusCode: number }]
      const body: unknown = JSON.parse(Buffer.concat(await Array.fromAsync(response)).toString())
      return { status: response.statusCode, body }
    },
  }
}
