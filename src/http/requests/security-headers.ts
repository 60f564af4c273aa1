import type { IncomingMessage, ServerResponse } from 'node:http'

import helmet from 'helmet'

const applyHelmet = helmet({
  contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }, useDefaults: false },
})

/** Headers that keep a browser from running a response. They are constant, so helmet runs once. */
export const securityHeaders: Readonly<Record<string, string>> = readOnce()

function readOnce(): Record<string, string> {
  const headers: Record<string, string> = {}
  // Helmet uses no other part of a response.
  const response: Pick<ServerResponse, 'setHeader' | 'removeHeader'> = {
    setHeader(name, value) {
      headers[name.toLowerCase()] = String(value)
      return this as ServerResponse
    },
    removeHeader: () => undefined,
  }
  applyHelmet({} as IncomingMessage, response as ServerResponse, (error) => {
    if (error instanceof Error) throw error
  })
  return headers
}
