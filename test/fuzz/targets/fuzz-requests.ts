import * as fc from 'fast-check'

import { makePdf } from '../../support/files/make-files.ts'
import { fillIn } from '../inputs/fill-in.ts'
import type { FuzzScene } from '../scene/fuzz-scene.ts'
import { places } from '../scene/fuzz-world.ts'
import type { Answer } from '../scene/http-answers.ts'
import { judgeAnswer } from '../scene/judge-answer.ts'
import { aForm, type ApiDescription, nearValidRequests, type Request } from '../inputs/near-valid-requests.ts'
import { onlyAnswer, sendBytes } from '../scene/send-bytes.ts'
import type { Batch } from '../scene/run-batches.ts'

/** Near-valid requests to every operation of the API, by every kind of person. */
export function requestBatches(api: ApiDescription): fc.Arbitrary<Batch> {
  const requests = fc.array(nearValidRequests(api), { minLength: 1, maxLength: 50, size: 'max' })
  return fc.record({ place: fc.constantFrom(...places), requests }).map(({ place, requests: each }) => ({
    place,
    tries: each.map((request) => ({
      words: () => wordsOf(request),
      run: async (scene: FuzzScene) => [await ask(request, scene)],
    })),
  }))
}

async function ask(request: Request, scene: FuzzScene): Promise<Answer> {
  const { head, body } = writeRequest(request, scene)
  const { service } = scene
  const heard = await sendBytes(service.url, { pieces: [Buffer.from(head), body], ending: 'wait' })
  const answer = onlyAnswer(heard, request.method)
  judgeAnswer(answer, service, onlyId(request))
  return answer
}

/** The sent request id, if there was exactly one. */
function onlyId({ headers }: Request): string | undefined {
  const ids = headers.filter(([name]) => name === 'X-Request-Id')
  return ids.length === 1 ? ids[0]?.[1] : undefined
}

function writeRequest({ method, target, headers, body, spoiled }: Request, scene: FuzzScene) {
  const form = [
    '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n',
    makePdf({ seed: target }),
    '\r\n--cut--\r\n',
  ]
  const text = fillIn(body, scene)
  const bytes = body === aForm ? Buffer.concat(form.map((part) => Buffer.from(part))) : Buffer.from(text)
  for (const { at, to } of spoiled) if (bytes.length > 0) bytes[at % bytes.length] = to
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(headers.some(([name]) => name === 'Host') ? [] : ['Host: documents.example']),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(bytes.length > 0 || method !== 'GET' ? [`Content-Length: ${bytes.length}`] : []),
    'Connection: close',
  ]
  return { head: `${fillIn(lines.join('\r\n'), scene)}\r\n\r\n`, body: bytes }
}

function wordsOf({ asker, method, target, headers, body, spoiled }: Request): string {
  const said = headers.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join('; ')
  const changed = spoiled.length === 0 ? '' : ` with bytes changed ${JSON.stringify(spoiled)}`
  return `${asker}: ${method} ${JSON.stringify(target)} {${said}} ${JSON.stringify(body.slice(0, 2000))}${changed}`
}
