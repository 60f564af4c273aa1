import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'

import type { S3Config } from '../../config/load-config.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Page } from './open-page.ts'
import { chooseEncoding, type PageFile } from './page-files.ts'
import { homeCsp, homePage } from './home-page.ts'

/** The addresses of the page's views; `web/src/app/views.tsx` shows them. Every other address stays 404. */
export const pagePaths = [
  '/',
  '/sign-in',
  '/register',
  '/forgot-password',
  '/reset-password',
  '/verify-email',
  '/invitation',
  '/account',
  '/account/*',
  '/messages',
  '/firms',
  '/firms/*',
  '/review',
  '/review/*',
  '/admin',
  '/admin/*',
]

/** A frame of the page that draws PDFs. The file in it may be an attack, so it has no origin, no session and no other server. */
export const previewFramePath = '/preview-frame'

type Needs = {
  page: Page
  /** Undefined: files are on the local disk, and come from the service itself. */
  s3: S3Config | undefined
}

/** The web page, for browsers. It calls only the public API. */
export function webPageRoutes({ page, s3 }: Needs): FastifyPluginAsync {
  const policy = contentPolicy(s3)
  const options = { config: { access: 'public' as const }, schema: { hide: true } }

  return async (server) => {
    for (const path of pagePaths)
      server.get(path, options, async (request, reply) => {
        const index = page.files()?.get('index.html')
        if (index === undefined) return sendInstead(page, reply)
        reply.header('content-security-policy', policy).header('cache-control', 'no-cache')
        return sendPageFile(request, reply, index)
      })

    server.get(previewFramePath, options, async (request, reply) => {
      const frame = page.files()?.get('preview-frame.html')
      if (frame === undefined) return sendInstead(page, reply)
      reply.header('content-security-policy', framePolicy).header('cache-control', 'no-cache')
      // The frame shares no process with the page, so it cannot ask for one of its origin's own.
      reply.header('origin-agent-cluster', '?0')
      return sendPageFile(request, reply, frame)
    })

    server.get<{ Params: { '*': string } }>('/assets/*', options, async (request, reply) => {
      const file = page.files()?.get(`assets/${request.params['*']}`)
      if (file === undefined) throw new AppError('not_found', 'There is nothing at this address.')
      // The name has a hash of the content.
      reply.header('cache-control', 'public, max-age=31536000, immutable')
      // The frame of the preview has no origin, so its scripts are those of another one.
      reply.header('access-control-allow-origin', '*')
      return sendPageFile(request, reply, file)
    })
  }
}

function sendPageFile(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const { bytes, encoding } = chooseEncoding(file, request.headers['accept-encoding'])
  if (encoding !== undefined) reply.header('content-encoding', encoding)
  return reply.header('vary', 'accept-encoding').type(file.type).send(bytes)
}

function sendInstead(page: Page, reply: FastifyReply): FastifyReply {
  const isBuilding = page.state() === 'building'
  if (isBuilding) reply.code(503).header('retry-after', '5').header('refresh', '3')
  return reply.header('content-security-policy', homeCsp).type('text/html; charset=utf-8').send(homePage(isBuilding))
}

/** `sandbox` applies also if somebody opens the address itself. WebAssembly decodes the images of scanners. */
const framePolicy = [
  'sandbox allow-scripts',
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  'img-src blob: data:',
  "connect-src 'self'",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ')

/**
 * No inline script and no inline style. Requests go to the service and to the store that its links lead to; images are
 * shown from there, and PDFs in a frame of our own.
 */
export function contentPolicy(s3: S3Config | undefined): string {
  const store = storeOrigin(s3)
  const files = store === undefined ? "'self'" : `'self' ${store}`
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${files} data: blob:`,
    `connect-src ${files}`,
    "frame-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function storeOrigin(s3: S3Config | undefined): string | undefined {
  if (s3 === undefined) return undefined
  if (s3.cloudFront !== undefined) return `https://${s3.cloudFront.domain}`
  const { publicEndpoint, forcePathStyle, bucket, region } = s3
  // The SDK uses path style for buckets with a dot, whose names no certificate covers.
  const isInPath = forcePathStyle || bucket.includes('.')
  const endpoint = new URL(publicEndpoint ?? `https://s3.${region}.amazonaws.com`)
  return isInPath ? endpoint.origin : `${endpoint.protocol}//${bucket}.${endpoint.host}`
}
