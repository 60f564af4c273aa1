import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

/** The files of Swagger UI from its Fastify plugin; the page loads nothing from other hosts. */
const assets = join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')

const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Paniq Documents: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="docs"><noscript>This page needs JavaScript. The OpenAPI description is <a href="/api/openapi.json">/api/openapi.json</a>.</noscript></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const start = `window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
  layout: 'BaseLayout',
})
`

/** Allows the page its own files and requests to this service only. */
const docsCsp = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The OpenAPI description and its page, which also include routes that are added later. */
export const apiDocsRoutes: FastifyPluginAsyncZod = async (server) => {
  const options = { config: { access: 'public' as const }, schema: { hide: true } }
  const assetOf = (file: string, type: string) =>
    server.get(`/docs/${file}`, options, async (_request, reply) =>
      reply
        .header('cache-control', 'public, max-age=3600')
        .type(type)
        .send(await readFile(join(assets, file))),
    )

  server.get(
    '/api/openapi.json',
    {
      config: { access: 'public' },
      schema: {
        tags: ['operations'],
        summary: 'Get this description as OpenAPI 3.1',
        response: { 200: z.record(z.string(), z.unknown()) },
      },
    },
    async () => ({ ...server.swagger() }),
  )
  server.get('/docs', options, async (_request, reply) =>
    reply.header('content-security-policy', docsCsp).type('text/html; charset=utf-8').send(docsPage),
  )
  server.get('/docs/start.js', options, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(start),
  )
  assetOf('swagger-ui-bundle.js', 'text/javascript; charset=utf-8')
  assetOf('swagger-ui.css', 'text/css; charset=utf-8')
}
