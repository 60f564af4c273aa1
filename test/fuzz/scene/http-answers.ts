import { refute } from './refute.ts'

/** One answer as it arrived. */
export type Answer = { status: number; headers: Map<string, string[]>; body: Buffer }

/** The rest of an answer did not arrive. */
export class AnswerCut extends Error {}

/** A valid header value: one line, without characters that a terminal or a log interprets. */
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/

/**
 * Parses all answers as strictly as HTTP/1.1 requires. `methods`: the requests in order, because the answer to a HEAD
 * has no body. Throws a description of an invalid answer.
 */
export function readAnswers(heard: Buffer, methods: string[]): Answer[] {
  const answers: Answer[] = []
  for (let rest = heard; rest.length > 0;) {
    const { answer, next } = readAnswer(rest, methods[answers.filter(isFinal).length] ?? 'GET')
    answers.push(answer)
    rest = next
  }
  return answers.filter(isFinal)
}

const isFinal = ({ status }: Answer) => status >= 200

function readAnswer(bytes: Buffer, method: string): { answer: Answer; next: Buffer } {
  const headEnd = bytes.indexOf('\r\n\r\n')
  refute([headEnd < 0, `no whole head: ${shown(bytes)}`])
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/.exec(statusLine)?.[1])
  refute([Number.isNaN(status), `no status line: ${shown(bytes)}`])
  const headers = readHeaders(lines)
  const after = bytes.subarray(headEnd + 4)
  const isWithoutBody = method === 'HEAD' || status < 200 || status === 204 || status === 304
  const { body, next } = isWithoutBody ? { body: Buffer.alloc(0), next: after } : readBody(after, headers)
  return { answer: { status, headers, body }, next }
}

function readHeaders(lines: string[]): Answer['headers'] {
  const headers: Answer['headers'] = new Map()
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`no header: ${JSON.stringify(line)}`)
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value])
  }
  return headers
}

function readBody(bytes: Buffer, headers: Map<string, string[]>): { body: Buffer; next: Buffer } {
  const [coding] = headers.get('transfer-encoding') ?? []
  const lengths = headers.get('content-length') ?? []
  if (coding !== undefined) {
    if (coding !== 'chunked' || lengths.length > 0) throw new Error('a body of two lengths')
    return readChunks(bytes)
  }
  if (lengths.length !== 1 || !/^\d+$/.test(lengths[0] ?? '')) throw new Error(`a body of length ${lengths.join()}`)
  const length = Number(lengths[0])
  if (bytes.length < length) throw new AnswerCut(`an answer of ${length} bytes ended after ${bytes.length}`)
  return { body: bytes.subarray(0, length), next: bytes.subarray(length) }
}

function readChunks(bytes: Buffer): { body: Buffer; next: Buffer } {
  const pieces: Buffer[] = []
  for (let rest = bytes; ;) {
    const lineEnd = rest.indexOf('\r\n')
    const size = /^[0-9a-f]+$/i.exec(rest.toString('latin1', 0, Math.max(0, lineEnd)))?.[0]
    if (size === undefined) throw new Error(`no chunk: ${shown(rest)}`)
    const [start, end] = [lineEnd + 2, lineEnd + 2 + Number.parseInt(size, 16)]
    if (rest.toString('latin1', end, end + 2) !== '\r\n') throw new Error('a chunk that does not end')
    if (end === start) return { body: Buffer.concat(pieces), next: rest.subarray(end + 2) }
    pieces.push(rest.subarray(start, end))
    rest = rest.subarray(end + 2)
  }
}

function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 200))
}
