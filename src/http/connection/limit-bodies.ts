import type { IncomingMessage } from 'node:http'

import type { FastifyInstance } from 'fastify'

/** A body of a public route. The largest real one, a login with a passkey, has some 3 KB. */
const maxPublicBytes = 16 * 1024

/** A body of a signed-in caller. The largest that a schema accepts is a new passkey with its certificates. */
export const maxBodyBytes = 128 * 1024

/** `maxSeconds`: for a whole body. `maxUnfinished`: bodies that are being received at the same time. */
export type BodyLimits = { maxSeconds: number; maxUnfinished: number }

/** A phone sends 16 KiB in four seconds at 4 KB/s. A thousand unfinished bodies take at most 16 MiB of public routes, 128 MiB of all. */
export const defaultBodyLimits: BodyLimits = { maxSeconds: 10, maxUnfinished: 1000 }

/**
 * Limits the memory of bodies that are buffered before their route runs: all but files, which have a byte budget. A body that takes too long loses its connection. So does the oldest unfinished one when there are too many: it
 * has had the most time, and a body that arrives at once is never the oldest.
 */
export function limitBodies(server: FastifyInstance, { maxSeconds, maxUnfinished }: BodyLimits): void {
  // In the order of their beginning.
  const unfinished = new Set<IncomingMessage>()

  server.addHook('onRoute', (route) => {
    if (route.config?.access === 'public') route.bodyLimit ??= maxPublicBytes
  })
  server.addHook('preParsing', ({ raw, headers, routeOptions }, _reply, payload, done) => {
    const isForm = headers['content-type']?.startsWith('multipart/form-data') === true
    const isFile = isForm || routeOptions.config.isRawFile === true
    if (!isFile && !raw.complete) watch(raw)
    done(null, payload)
  })

  function watch(body: IncomingMessage): void {
    const [oldest] = unfinished
    if (oldest !== undefined && unfinished.size >= maxUnfinished) end(oldest)
    const timer = setTimeout(() => end(body), maxSeconds * 1000)
    const stop = () => {
      clearTimeout(timer)
      unfinished.delete(body)
    }
    unfinished.add(body)
    body.once('end', stop).once('close', stop)
    if (body.destroyed) stop()
  }

  function end(body: IncomingMessage): void {
    unfinished.delete(body)
    // A route that reads no body leaves a complete one where it is.
    if (!body.complete) body.destroy()
  }
}
