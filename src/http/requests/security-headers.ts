import type { IncomingMessage, ServerResponse } from 'node:http'

import helmet from 'helmet'

const applyHelmet = helmet({
  contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }, useDefaults: false },
})

/** What keeps a browser from running what is sent. The same for each answer, so helmet is asked once. */
export const securityHeaders: Readonly<Record<string, string>> = readOnce()

function readOnce(): Record<string, string> {
  const headers: Record<string, string> = {}
  // All of a response that helmet uses.
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
