import { createHash } from 'node:crypto'

import type { FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { unsubscribeParams } from '../../../contract/messages.ts'
import type { Db } from '../../../database/connection/client.ts'
import type { UnsubscribeKeys } from '../../../mail/unsubscribe-token.ts'
import { requirePersonOf, unsubscribe } from '../../../people/messages/preferences.ts'
import type { Clock } from '../../../vocabulary/vocabulary.ts'
import { visitorOf } from '../../requests/authenticate.ts'

type Needs = { db: Db; now: Clock; keys: { unsubscribeLinks: UnsubscribeKeys } }

const maxBodyBytes = 10_000

/**
 * RFC 8058: mail programs post to the link of a mail without asking anybody. Programs that look for viruses open each link of
 * a mail, so a GET changes nothing: it answers with a page that has a button.
 */
export function unsubscribeRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    // The body says `List-Unsubscribe=One-Click` in either type of a form. The address says everything.
    server.removeAllContentTypeParsers()
    server.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, _body, done) =>
      done(null),
    )

    server.get(
      '/unsubscribe/:token',
      {
        config: { access: 'public', errors: ['not_found'], sendsFile: 'page' },
        schema: { tags: ['messages'], summary: 'See the page of an unsubscribe link', params: unsubscribeParams },
      },
      async ({ params }, reply) => {
        requirePersonOf(needs.keys, params.token)
        return reply.headers(pageHeaders).send(askingPage)
      },
    )

    server.post(
      '/unsubscribe/:token',
      {
        config: { access: 'public', rate: 'events', errors: ['not_found'], sendsFile: 'page' },
        schema: {
          tags: ['messages'],
          summary: 'End the mails that I may refuse, without a login',
          description: 'RFC 8058. A browser gets a page with 200 instead. A repeat changes nothing.',
          params: unsubscribeParams,
          response: { 200: z.string(), 204: z.null() },
        },
      },
      async (request, reply) => {
        await unsubscribe(needs, visitorOf(request), request.params.token)
        if (acceptsPage(request)) return reply.headers(pageHeaders).serializer(String).send(endedPage)
        return reply.code(204).send(null)
      },
    )
  }
}

function acceptsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true
}

const style = `
body { max-width: 34rem; margin: 4rem auto; padding: 0 1rem; font: 1.0625rem/1.6 system-ui, sans-serif; color: #1d2733; background: #fff }
h1 { font-size: 1.5rem }
button { font: inherit; padding: .6rem 1.1rem; border: 0; border-radius: 6px; color: #fff; background: #14532d }
@media (prefers-color-scheme: dark) { body { color: #e4e9ef; background: #12171d } }
`
const styleHash = createHash('sha256').update(style).digest('base64')

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  // The address is the secret.
  'referrer-policy': 'no-referrer',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
}

/** The form posts to the address of the page. */
const askingPage = pageOf(
  'Stop these mails?',
  `<p>You will get no mails about documents, reminders and applications any more. Mails about your account and its security, and invitations, still come. Every message is also in your account.</p>
<form method="post"><button type="submit">Stop these mails</button></form>`,
)

const endedPage = pageOf(
  'The mails have ended',
  '<p>You get no mails about documents, reminders and applications any more. You find the messages in your account, where you can also choose mails again.</p>',
)

function pageOf(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`
}
