import { createHmac, timingSafeEqual } from 'node:crypto'

import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'

import { AppError } from '../../errors/app-error.ts'

/** The last row of a page: its time in microseconds, as the database formats it, and its id. */
const position = z.tuple([z.string().max(40), z.guid()])

type Position = { at: string; id: string }

/** Keyset cursors, signed: a client can only continue where a page of the same list (route) ended. */
export type Cursors = { write(list: string, position: Position): string; read(list: string, cursor: string): Position }

export function createCursors(key: Uint8Array): Cursors {
  const signatureOf = (list: string, text: string) =>
    createHmac('sha256', key).update(`${list}\n${text}`).digest('base64url').slice(0, 22)

  return {
    write(list, { at, id }) {
      const text = Buffer.from(JSON.stringify([at, id])).toString('base64url')
      return `${text}.${signatureOf(list, text)}`
    },
    read(list, cursor) {
      const [text = '', signature = ''] = cursor.split('.')
      if (!isSame(signature, signatureOf(list, text)))
        throw new AppError('bad_request', 'This cursor does not belong to this list. Start again without it.')
      const [at, id] = position.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
      return { at, id }
    },
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Loads one row more than requested. If it exists, `Link` names the next page. */
export async function answerPage<Row>(
  cursors: Cursors,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  query: { limit: number; cursor?: string | undefined },
  {
    load,
    positionOf,
  }: {
    load: (page: { limit: number; after: Position | undefined }) => Promise<Row[]>
    positionOf: (row: Row) => Position
  },
): Promise<Row[]> {
  const { url: list = '' } = request.routeOptions
  const after = query.cursor === undefined ? undefined : cursors.read(list, query.cursor)
  const rows = await load({ limit: query.limit + 1, after })
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  if (rows.length > page.length && last !== undefined) {
    const next = new URL(request.url, 'http://localhost')
    next.searchParams.set('cursor', cursors.write(list, positionOf(last)))
    reply.header('link', `<${next.pathname}${next.search}>; rel="next"`)
  }
  return page
}
