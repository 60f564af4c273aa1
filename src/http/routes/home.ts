import { createHash } from 'node:crypto'

import type { FastifyPluginAsync } from 'fastify'

const style = `
body { max-width: 38rem; margin: 4rem auto; padding: 0 1rem; font: 1.0625rem/1.6 system-ui, sans-serif; color: #1d2733; background: #fff }
h1 { font-size: 1.5rem }
a { color: #0b57a4 }
code { font-size: 0.9em }
@media (prefers-color-scheme: dark) { body { color: #e4e9ef; background: #12171d } a { color: #8ec2f5 } }
`

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Paniq Documents</title>
<link rel="icon" href="data:,">
<style>${style}</style>
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

const styleHash = createHash('sha256').update(style).digest('base64')
const pageCsp = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** What somebody sees who opens the address in a browser. */
export const homeRoutes: FastifyPluginAsync = async (server) => {
  server.get('/', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-security-policy', pageCsp).type('text/html; charset=utf-8').send(page),
  )
}
