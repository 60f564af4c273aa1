import * as fc from 'fast-check'

import { fillIn } from '../inputs/fill-in.ts'
import type { FuzzScene } from '../scene/fuzz-scene.ts'
import { jwtSecret, places } from '../scene/fuzz-world.ts'
import type { Answer } from '../scene/http-answers.ts'
import { judgeAnswer } from '../scene/judge-answer.ts'
import { isUsual, mayBeOf, nearValidToken, type Token, writeToken } from '../inputs/near-valid-tokens.ts'
import { refute } from '../scene/refute.ts'
import type { Batch } from '../scene/run-batches.ts'
import { onlyAnswer, sendBytes } from '../scene/send-bytes.ts'

/** The calls that accept a token. */
const doors = [
  'GET /auth/me',
  'GET /security-firms/⟦firm⟧/documents',
  'GET /files/',
  'POST /auth/refresh',
  'POST /auth/logout',
] as const
type Door = (typeof doors)[number]

/** Tokens that almost belong to a person. */
export const tokenBatches: fc.Arbitrary<Batch> = fc
  .record({
    place: fc.constantFrom(...places),
    shown: fc.array(fc.record({ token: nearValidToken, door: mostlyAtFirst() }), {
      minLength: 1,
      maxLength: 60,
      size: 'max',
    }),
  })
  .map(({ place, shown }) => ({
    place,
    tries: shown.map(({ token, door }) => ({
      words: () => `${door} with ${JSON.stringify(token)}`,
      run: async (scene: FuzzScene) => [await show(token, door, scene)],
    })),
  }))

function mostlyAtFirst(): fc.Arbitrary<Door> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(doors[0]) }, { weight: 3, arbitrary: fc.constantFrom(...doors) })
}

async function show(token: Token, door: Door, scene: FuzzScene): Promise<Answer> {
  const parts = { ...token, header: fillIn(token.header, scene), claims: fillIn(token.claims, scene) }
  const written = writeToken(parts, jwtSecret)
  const request = fillIn(requestAt(door, written), scene)
  const heard = await sendBytes(scene.service.url, { pieces: [Buffer.from(request)], ending: 'wait' })
  const answer = onlyAnswer(heard, 'GET')
  judgeAnswer(answer, scene.service)
  if (answer.status < 300) judgeLetIn(parts, door, answer)
  else refute([isForBearers(door) && isUsual(token), `kept out: ${answer.body.toString()}`])
  return answer
}

const isForBearers = (door: Door) => door === 'GET /auth/me' || door.endsWith('documents')

function judgeLetIn(token: Token, door: Door, { status, body }: Answer): void {
  // A logout succeeds with any token.
  if (door === 'POST /auth/logout') return
  const sub = mayBeOf(token)
  refute([sub === undefined || !isForBearers(door), `let in: ${status} ${body.toString()}`])
  if (door !== 'GET /auth/me') return
  const { id } = JSON.parse(body.toString()) as { id: string }
  refute([id !== sub?.toLowerCase(), `taken for ${id}`])
}

function requestAt(door: Door, token: string): string {
  const [method = '', path = ''] = door.split(' ')
  const isFile = path === '/files/'
  const body = method === 'POST' ? JSON.stringify({ refresh_token: token }) : ''
  // Values that no header can contain are tested by the target `heads`.
  const lines = [
    `${method} /api/v1${path}${isFile ? encodeURIComponent(token) : ''} HTTP/1.1`,
    'Host: documents.example',
    'Connection: close',
    ...(isFile || path === '/auth/refresh' ? [] : [`Authorization: Bearer ${token}`]),
    ...(body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
