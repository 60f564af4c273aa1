import { createHash } from 'node:crypto'

const homeStyle = `
body { max-width: 38rem; margin: 4rem auto; padding: 0 1rem; font: 1.0625rem/1.6 system-ui, sans-serif; color: #1d2733; background: #fff }
h1 { font-size: 1.5rem }
a { color: #0b57a4 }
code { font-size: 0.9em }
@media (prefers-color-scheme: dark) { body { color: #e4e9ef; background: #12171d } a { color: #8ec2f5 } }
`

/** What `/` shows until the web page is built, or without one. `isBuilding`: the browser loads it again by itself. */
export function homePage(isBuilding: boolean): string {
  return `<!doctype html>
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
<p>${isBuilding ? 'The web page is being prepared. It opens by itself in a few seconds.' : 'The web page is not built here. The log has the reason.'}</p>
<p>This service stores the documents of security firms and serves them to authorized people only.</p>
<ul>
<li><a href="/docs">API documentation</a>; <a href="/api/openapi.json">OpenAPI description</a></li>
<li><a href="/readyz">Readiness</a>: the database, each store, the scanner and the jobs</li>
<li><a href="/metrics">Metrics</a> for Prometheus</li>
</ul>
<p><code>README.md</code> of the project explains how to start: log in with <code>POST /api/v1/auth/login</code>, then upload to <code>/api/v1/security-firms/{firm_id}/documents</code>.</p>
</main>
</body>
</html>
`
}

const homeStyleHash = createHash('sha256').update(homeStyle).digest('base64')
export const homeCsp = `default-src 'none'; style-src 'sha256-${homeStyleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
