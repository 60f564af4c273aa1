import { z } from 'zod'

import { problem } from '../../../src/contract/documents.ts'
import { errorCodes } from '../../../src/errors/app-error.ts'
import { errorTable } from '../../../src/http/errors/error-codes.ts'
import type { Fuzzed } from './fuzz-world.ts'
import type { Answer } from './http-answers.ts'
import { refute } from './refute.ts'

const saneId = /^[\w.:-]{1,128}$/

const problemBody = problem.extend({ code: z.enum(errorCodes) })

/** Internals that an answer could reveal. */
const ofTheInside = [
  /node_modules|\.ts:\d+|\n\s+at /,
  /security_firms\/|spool-|\.store-id/,
  /\b(select|insert into|update|delete from) .+ (from|values|set|where) /i,
  /invalid input syntax|relation "|column "|SQLSTATE|pg_|duplicate key/i,
  /AccessDenied|NoSuch|SignatureDoes|amz|aws/i,
  /ECONN|ENOENT|EACCES|EPIPE|FST_ERR|ERR_[A-Z]/,
  /ZodError|TypeError|RangeError|SyntaxError|undefined is not/,
]

/** Throws a description of an answer that no request may get. */
export function judgeAnswer(answer: Answer, service: Fuzzed, sentId?: string): void {
  const { status, headers } = answer
  const ids = headers.get('x-request-id') ?? []
  refute(
    [status >= 500, `answered ${status}: ${answer.body.toString('latin1', 0, 500)}`],
    [ids.length !== 1 || !saneId.test(ids.join()), `no sane request id: ${JSON.stringify(ids)}`],
    [isLost(answer, sentId, ids.join()), 'a sane request id was not kept'],
    [headers.has('x-injected'), 'what was sent became a header'],
  )
  if (status >= 400) judgeRefusal(answer, service, ids.join())
}

/** For input that is not a request, no id could be read. */
function isLost({ body }: Answer, sentId: string | undefined, id: string): boolean {
  const isUnread = body.includes('is not valid HTTP') || body.includes('exceed 16 KB')
  return sentId !== undefined && saneId.test(sentId) && id !== sentId && !isUnread
}

const neededHeaders: Record<number, string> = { 401: 'www-authenticate', 405: 'allow', 503: 'retry-after' }

function judgeRefusal({ status, headers, body }: Answer, { folder, bucket }: Fuzzed, id: string): void {
  const text = body.toString()
  const inside =
    [folder, bucket.name].find((name) => text.includes(name)) ?? ofTheInside.find((each) => each.test(text))
  const type = headers.get('content-type')?.join() ?? 'none'
  const needed = neededHeaders[status]
  refute(
    [inside !== undefined, `reveals the inside (${inside?.toString()}): ${text.slice(0, 500)}`],
    [type !== 'application/problem+json', `a refusal of type ${type}`],
    [needed !== undefined && !headers.has(needed), `${status} without ${needed}`],
    // A HEAD has none.
    [text !== '' && !isProblem(text, { status, id }), `a refusal that is odd: ${text}`],
  )
}

function isProblem(text: string, { status, id }: { status: number; id: string }): boolean {
  const { code, detail, ...rest } = problemBody.parse(JSON.parse(text))
  const isOfCode = rest.status === status && errorTable[code].status === status && rest.error_code === code
  const isSaid = detail !== '' && detail.length < 20_000 && rest.message === detail
  return isOfCode && isSaid && rest.request_id === id
}
