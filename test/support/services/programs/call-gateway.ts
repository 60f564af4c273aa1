import { ListBucketsCommand } from '@aws-sdk/client-s3'

import { s3ClientOf } from '../packages/s3-client.ts'
import type { S3Address, S3Credentials } from '../packages/service-addresses.ts'

export type GatewayCall = {
  method: 'GET' | 'POST' | 'PUT'
  path?: string
  query?: Record<string, string>
  form?: Record<string, string>
}

/**
 * A call of IAM, STS or the gateway's administration, which the gateway requires to be signed for S3. The SDK's clients
 * for these cannot do that, so a call of its S3 client is rewritten to this one before it is signed.
 */
export async function callGateway(s3: S3Address, keys: S3Credentials, call: GatewayCall): Promise<string> {
  const client = s3ClientOf(s3, keys)
  const command = new ListBucketsCommand({})
  let answered = ''
  command.middlewareStack.add(
    (next) => (sent) => {
      disguise(sent.request as Sent, call)
      return next(sent)
    },
    { step: 'build', priority: 'low' },
  )
  command.middlewareStack.add(
    () => async (sent) => {
      const { method, path, query, headers, body } = sent.request as Sent
      const address = new URL(`${path}?${new URLSearchParams(query).toString()}`, s3.endpoint)
      const response = await fetch(address, { method, headers, ...(body === undefined ? {} : { body }) })
      answered = await response.text()
      if (!response.ok) throw new Error(`${call.form?.['Action'] ?? path}: ${response.status} ${answered}`)
      return { response, output: { $metadata: {} } }
    },
    { step: 'deserialize', priority: 'high' },
  )
  try {
    await client.send(command)
    return answered
  } finally {
    client.destroy()
  }
}

/** The SDK types the request as unknown in middleware. It is the HTTP request. */
type Sent = {
  method: string
  path: string
  query: Record<string, string>
  headers: Record<string, string>
  body?: string
}

function disguise(request: Sent, { method, path = '/', query = {}, form }: GatewayCall): void {
  Object.assign(request, { method, path, query })
  if (form === undefined) return
  request.body = new URLSearchParams(form).toString()
  request.headers['content-type'] = 'application/x-www-form-urlencoded'
  request.headers['content-length'] = String(request.body.length)
}
