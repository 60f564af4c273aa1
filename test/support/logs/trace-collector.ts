import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ReceivedSpan = {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  kind: number
  facts: Record<string, string | number | boolean>
}

export type TraceCollector = {
  /** In the form of OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string
  spans(): ReceivedSpan[]
  /** All received requests, head and body. */
  text(): string
  close(): Promise<void>
}

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean }
type Attribute = { key: string; value: Value }
type Body = {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: { spans: (Omit<ReceivedSpan, 'facts'> & { attributes?: Attribute[] })[] }[]
  }[]
}

/** A collector that receives OTLP as JSON over HTTP, and stores it. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const received: { head: string; body: string }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const isForTraces = request.method === 'POST' && request.url === '/v1/traces'
      const isJson = request.headers['content-type'] === 'application/json'
      if (isForTraces && isJson)
        received.push({ head: JSON.stringify(request.headers), body: Buffer.concat(chunks).toString() })
      response.writeHead(isForTraces && isJson ? 200 : 400, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // a server that listens on TCP has one
    spans: () => received.flatMap(({ body }) => spansOf(JSON.parse(body) as Body)),
    text: () => received.map(({ head, body }) => head + body).join('\n'),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function spansOf({ resourceSpans }: Body): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes = [], ...span }) => ({
        ...span,
        facts: { ...factsOf(resource.attributes), ...factsOf(attributes) },
      })),
    ),
  )
}

function factsOf(attributes: Attribute[]): ReceivedSpan['facts'] {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? undefined : Number(intValue)) ?? doubleValue ?? boolValue ?? '',
    ]),
  )
}
