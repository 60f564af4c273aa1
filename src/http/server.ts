import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync, LogController } from 'fastify'
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'

import { AppError } from '../errors/app-error.ts'
import type { Tracing } from '../logging/spans.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { answerBrokenRequest, answerUnreadableAddress, trackOpenResponses } from './errors/answer-broken-request.ts'
import { answerError } from './errors/answer-error.ts'
import { recordRoutes } from './requests/served-routes.ts'
import { authenticate, type AuthenticateNeeds } from './requests/authenticate.ts'
import { checkInput } from './requests/check-input.ts'
import { type BodyLimits, maxBodyBytes } from './connection/limit-bodies.ts'
import { limitConnections } from './connection/limit-connections.ts'
import { acceptForms } from './requests/file-form.ts'
import { chooseRequestId, recordRequests } from './requests/record-requests.ts'

type ServerOptions = {
  log: FastifyBaseLogger
  metrics: Metrics
  /** Undefined: nothing is traced. */
  tracing: Tracing | undefined
  trustProxy: string[]
  /** The origins that may call the API from a browser. */
  origins: string[]
  maxUploadBytes: number
  maxSilenceSeconds: number
  bodies?: BodyLimits | undefined
  authentication: AuthenticateNeeds
}

/** Builds the server with everything that applies to each request. Routes are plugins for `register`. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: options.log,
    // `recordRequests` writes the one event of a request, and the log's context gives every other its id.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (log) => log,
    trustProxy: hopsOrAddresses(options.trustProxy),
    genReqId: chooseRequestId,
    http: { requireHostHeader: false }, // acceptUnusualRequests rejects it with a problem document
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerUnreadableAddress,
    bodyLimit: maxBodyBytes,
    requestTimeout: secondsToSend(options.maxUploadBytes) * 1000,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2000 },
    // Requests in progress finish when the server closes; see connection/stop-serving.ts.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  }).withTypeProvider<ZodTypeProvider>()

  server.setValidatorCompiler(checkInput)
  server.setSerializerCompiler(serializerCompiler)
  server.setErrorHandler(answerError)
  trackOpenResponses(server)
  recordRoutes(server)

  recordRequests(server, options)
  limitConnections(server, options)
  await allowOrigins(server, options.origins)
  acceptUnusualRequests(server)
  await server.register(cookie)
  await acceptForms(server, options.maxUploadBytes)
  authenticate(server, options.authentication)

  return server
}

/** CORS for these origins. */
async function allowOrigins(server: FastifyInstance, origins: string[]): Promise<void> {
  await server.register(cors, {
    origin: origins,
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'If-None-Match',
      'Range',
      'Tus-Resumable',
      'Upload-Length',
      'Upload-Metadata',
      'Upload-Offset',
      'X-Auth-Mode',
      'X-Request-Id',
    ],
    // A strict preflight check would answer with plain text.
    strictPreflight: false,
    exposedHeaders: [
      'ETag',
      'Link',
      'Location',
      'X-Request-Id',
      'Retry-After',
      'Content-Disposition',
      'Content-Location',
      'Tus-Extension',
      'Tus-Max-Size',
      'Tus-Resumable',
      'Tus-Version',
      'Upload-Expires',
      'Upload-Length',
      'Upload-Metadata',
      'Upload-Offset',
    ],
  })
}

/** Handles requests that Node and Fastify would reject without a problem document or a request id. */
function acceptUnusualRequests(server: FastifyInstance): void {
  // RFC 9112, 3.2: a request of HTTP/1.1 without a host must be rejected.
  server.addHook('onRequest', ({ raw, host }, _reply, done) => {
    const lacksHost = raw.httpVersion === '1.1' && raw.headers.host === undefined
    // Links and cookies are built of it after a change is committed.
    const hasBrokenHost = raw.headers.host !== undefined && !URL.canParse(`http://${host}`)
    if (lacksHost) done(new AppError('bad_request', 'The request has no header "Host", which HTTP/1.1 requires.'))
    else if (hasBrokenHost) done(new AppError('bad_request', 'The header "Host" names no host.'))
    else done()
  })
  // RFC 9110, 10.1.1: a server may ignore an unknown expectation.
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response))
  // Many clients send the content type of JSON without a body.
  const parseJson = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null)
    else void parseJson(request, body, done)
  })
}

/** Mounts routes below `/api/v1` or another prefix. */
export async function mountApi(
  server: FastifyInstance,
  routes: FastifyPluginAsync[],
  prefix = '/api/v1',
): Promise<void> {
  for (const each of routes) await server.register(each, { prefix })
}

/** `TRUST_PROXY`: an integer is a number of hops, anything else a list of addresses and ranges. */
function hopsOrAddresses(trust: string[]): string[] | false | ((address: string, hop: number) => boolean) {
  const [first] = trust
  if (first === undefined) return false
  if (trust.length > 1 || !/^\d+$/.test(first)) return trust
  return (_address, hop) => hop < Number(first)
}

/** Timeout of a whole request: a phone can send the largest file at 20 KB/s. */
function secondsToSend(maxUploadBytes: number): number {
  return 60 + Math.ceil(maxUploadBytes / 20_000)
}
