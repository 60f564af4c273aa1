import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import type { FastifyPluginAsync } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

const homeStyle = `
body { max-width: 38rem; margin: 4rem auto; padding: 0 1rem; font: 1.0625rem/1.6 system-ui, sans-serif; color: #1d2733; background: #fff }
h1 { font-size: 1.5rem }
a { color: #0b57a4 }
code { font-size: 0.9em }
@media (prefers-color-scheme: dark) { body { color: #e4e9ef; background: #12171d } a { color: #8ec2f5 } }
`

const homePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Paniq Documents</title>
<link rel="icon" href="data:,">
<style>${homeStyle}</style>
</head>
<body>
<main>
<h1>Paniq Documents</h1>
<p>Here runs the service that keeps the papers of security firms: uploaded once, kept safe, and given back only to those who may have them.</p>
<ul>
<li><a href="/docs">The API</a>, to read and to try; <a href="/api/openapi.json">its description</a> for programs</li>
<li><a href="/readyz">Whether it works</a>: the database and each store</li>
<li><a href="/metrics">Its figures</a>, for Prometheus</li>
</ul>
<p>How to begin stands in <code>README.md</code> of the project: log in with <code>POST /api/v1/auth/login</code>, then upload to <code>/api/v1/security-firms/{firm_id}/documents</code>.</p>
</main>
</body>
</html>
`

const homeStyleHash = createHash('sha256').update(homeStyle).digest('base64')
const homeCsp = `default-src 'none'; style-src 'sha256-${homeStyleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** What somebody sees who opens the address in a browser. */
export const homeRoutes: FastifyPluginAsync = async (server) => {
  server.get('/', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-security-policy', homeCsp).type('text/html; charset=utf-8').send(homePage),
  )
}

/** Swagger UI's own files, as its plugin for our server brings them; none is fetched from elsewhere. */
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
<div id="docs"><noscript>This page needs JavaScript. The description itself is <a href="/api/openapi.json">/api/openapi.json</a>.</noscript></div>
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

/** Lets this page run the three files that it names, ask this service, and nothing else. */
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

/** The API's description, and a page to read and try it. Routes that are added later are in it too. */
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
        summary: 'This description, as OpenAPI 3.1',
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
