// The baseline: a minimal Node program that puts a request's body on S3, or answers with a link. It authenticates nobody,
// checks and hashes nothing, and writes no row and no log.
import { Agent as HttpAgent, createServer, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

import { S3Client } from '@aws-sdk/client-s3'
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner'

const { BARE_PIPE_ENDPOINT = '', BARE_PIPE_BUCKET = '', BARE_PIPE_REGION = '' } = process.env
const endpoint = new URL(BARE_PIPE_ENDPOINT)
// The SDK reads the keys from the environment.
const client = new S3Client({ region: BARE_PIPE_REGION })
const presigner = new S3RequestPresigner({ ...client.config, credentials: await client.config.credentials() })
const [open, agent] =
  endpoint.protocol === 'https:'
    ? [httpsRequest, new HttpsAgent({ keepAlive: true })]
    : [httpRequest, new HttpAgent({ keepAlive: true })]

const server = createServer((incoming, answer) => {
  const work = incoming.method === 'PUT' ? pipe(incoming) : sign('GET', incoming.url)
  work
    .then((location) => answer.writeHead(incoming.method === 'PUT' ? 201 : 302, { location }).end())
    .catch((error: unknown) => answer.writeHead(500).end(String(error)))
})
server.listen(0, '127.0.0.1', () => {
  // The address of a TCP listener is never a string.
  const { port } = server.address() as AddressInfo
  process.stderr.write(`The bare pipe answers at http://127.0.0.1:${port}\n`)
})
process.once('SIGTERM', () => process.exit())

async function pipe(incoming: IncomingMessage): Promise<string> {
  const url = await sign('PUT', incoming.url)
  const headers = { 'content-length': incoming.headers['content-length'] }
  const outgoing = open(url, { method: 'PUT', agent, headers })
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    outgoing.once('response', resolve).once('error', reject),
  )
  await Promise.all([pipeline(incoming, outgoing), answered])
  const response = await answered
  const body = await buffer(response)
  if (response.statusCode !== 200) throw new Error(`S3 answered ${response.statusCode}: ${body.toString()}`)
  return url
}

async function sign(method: 'GET' | 'PUT', path = '/'): Promise<string> {
  const { protocol, hostname } = endpoint
  const port = endpoint.port === '' ? {} : { port: Number(endpoint.port) }
  const address = { method, protocol, hostname, ...port, path: `/${BARE_PIPE_BUCKET}${path}` }
  const { query = {} } = await presigner.presign({ ...address, headers: {}, query: {} }, { expiresIn: 3600 })
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return `${endpoint.origin}${address.path}?${pairs.join('&')}`
}
