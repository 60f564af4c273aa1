import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { firmParams } from '../../../contract/documents.ts'
import { beginHeaders, pieceHeaders, tusHeader, uploadParams } from '../../../contract/resumable-uploads.ts'
import { type BeginNeeds, beginUpload } from '../../../documents/resumable/begin-upload.ts'
import type { UploadState } from '../../../documents/resumable/upload-offset.ts'
import {
  continueUpload,
  findUpload,
  terminateUpload,
  type UploadOf,
} from '../../../documents/resumable/continue-upload.ts'
import type { EndNeeds } from '../../../documents/resumable/end-upload.ts'
import { findEarlierCopy } from '../../../documents/upload/idempotent-upload.ts'
import { AppError, isAppError } from '../../../errors/app-error.ts'
import type { FirmId, UploadId } from '../../../vocabulary/vocabulary.ts'
import { firmOf } from '../../requests/authenticate.ts'
import { signalOfClient, uploadErrors } from '../../requests/file-form.ts'
import { acceptRawFiles, readUntilBroken } from '../../requests/raw-file.ts'
import {
  addressOf,
  headerOf,
  pieceType,
  readNewUpload,
  requireBytes,
  requireTusVersion,
  tusHeadersOf,
  tusVersion,
} from './tus-headers.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = BeginNeeds & EndNeeds & { maxSilenceSeconds: number }

const root = '/security-firms/:firm_id/uploads'
const one = `${root}/:id`
const extensions = 'creation,creation-with-upload,expiration,termination'

/** Contract §9: the protocol tus 1.0. Decision 39 says why the routes are our own. */
export function resumableUploadRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    await server.register(async (scoped) => {
      acceptRawFiles(scoped)
      scoped.addHook('onRequest', async (_request, reply) => void reply.header('tus-resumable', tusVersion))
      describeProtocol(scoped, needs)
      beginRoute(scoped, needs)
      viewRoute(scoped, needs)
      continueRoute(scoped, needs)
      terminateRoute(scoped, needs)
    })
  }
}

/** Also preflight requests of browsers get these headers. */
function describeProtocol(server: Server, { maxUploadBytes }: Needs): void {
  const config = { access: 'public', cors: { preflightContinue: true } } as const
  for (const [path, params] of [
    [root, firmParams],
    [one, uploadParams],
  ] as const)
    server.options(path, { config, schema: { hide: true, params, response: { 204: z.null() } } }, async (_, reply) =>
      reply
        .code(204)
        .headers({ 'tus-version': tusVersion, 'tus-extension': extensions, 'tus-max-size': String(maxUploadBytes) })
        .send(null),
    )
}

function beginRoute(server: Server, needs: Needs): void {
  server.post(
    root,
    {
      config: {
        right: 'documents.upload',
        rate: 'uploads',
        isRawFile: true,
        errors: [...uploadErrors, 'not_found', 'gone', 'precondition_failed'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Begin a resumable upload (tus)',
        params: firmParams,
        headers: beginHeaders,
        response: { 201: z.null() },
      },
    },
    async (request, reply) => {
      requireTusVersion(request, reply)
      const firmId = firmOf(request.params)
      const { id, expiresAt } = await beginUpload(needs, request.actor, readNewUpload(request, firmId))
      const state = hasPiece(request)
        ? await continueBegun(needs, { request, reply }, { firmId, uploadId: id })
        : { offset: 0, documentId: undefined, expiresAt, totalBytes: 0, metadata: '' }
      return reply
        .code(201)
        .headers({
          location: `/api/v1/security-firms/${firmId}/uploads/${id}`,
          ...tusHeadersOf(state, firmId),
          ...(await linkToCopy(needs, request, { ...state, firmId })),
        })
        .serializer(noBody)
        .send(null)
    },
  )
}

/** For a status whose body would be the JSON of null. */
const noBody = () => ''

type Exchange = { request: FastifyRequest; reply: FastifyReply }

function hasPiece(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  return isPieceType(request) && (encoding !== undefined || (length !== undefined && length !== '0'))
}

function isPieceType(request: FastifyRequest): boolean {
  return headerOf(request, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase() === pieceType
}

/** The upload has begun, so a store that fails now is no failure of the request: the client goes on later. */
async function continueBegun(needs: Needs, { request, reply }: Exchange, of: UploadOf): Promise<UploadState> {
  const signal = signalOfClient(request, reply, needs)
  try {
    return await continueUpload(needs, request.actor, { ...of, ...pieceOf(request, signal), offset: 0 })
  } catch (error) {
    if (!isAppError(error, 'store_unavailable')) throw error
    return await findUpload(needs, request.actor, of, signal)
  }
}

function pieceOf(request: FastifyRequest, signal: AbortSignal) {
  const length = request.headers['content-length']
  return {
    declaredBytes: length === undefined ? undefined : Number(length),
    openChunks: (ended: AbortSignal) => readUntilBroken(request.raw, ended),
    signal,
  }
}

function viewRoute(server: Server, needs: Needs): void {
  server.head(
    one,
    {
      config: { right: 'documents.upload', errors: [...uploadErrors, 'not_found', 'precondition_failed'] },
      schema: {
        hide: true,
        params: uploadParams,
        headers: tusHeader,
        response: { 200: z.null() },
      },
    },
    async (request, reply) => {
      requireTusVersion(request, reply)
      const signal = signalOfClient(request, reply, needs)
      const of = uploadOf(request.params)
      const state = await findUpload(needs, request.actor, of, signal)
      const { metadata, totalBytes } = state
      return reply
        .headers({
          'upload-length': String(totalBytes),
          ...(metadata !== '' && { 'upload-metadata': metadata }),
          ...tusHeadersOf(state, of.firmId),
        })
        .serializer(noBody)
        .send(null)
    },
  )
}

function continueRoute(server: Server, needs: Needs): void {
  server.patch(
    one,
    {
      config: {
        right: 'documents.upload',
        isRawFile: true,
        errors: [...uploadErrors, 'not_found', 'gone', 'precondition_failed'],
      },
      schema: {
        tags: ['documents'],
        summary: 'Send the next piece of a resumable upload',
        params: uploadParams,
        headers: pieceHeaders,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      requireTusVersion(request, reply)
      if (!isPieceType(request))
        throw new AppError('unsupported_type', `Send the piece with the header "Content-Type: ${pieceType}".`)
      const offset = requireBytes(request, 'upload-offset')
      const of = uploadOf(request.params)
      const piece = { ...of, ...pieceOf(request, signalOfClient(request, reply, needs)), offset }
      const state = await continueUpload(needs, request.actor, piece)
      const link = await linkToCopy(needs, request, { ...state, firmId: of.firmId })
      return reply
        .code(204)
        .headers({ ...tusHeadersOf(state, of.firmId), ...link })
        .send(null)
    },
  )
}

/** Once there is a document, another one with the same bytes, as `duplicate_of` of a form (RFC 6249). */
async function linkToCopy(
  { db }: Needs,
  { actor }: FastifyRequest,
  { firmId, documentId }: Pick<UploadState, 'documentId'> & { firmId: FirmId },
): Promise<{ link?: string }> {
  const copy = documentId && (await findEarlierCopy(db, actor, { firmId, documentId }))
  return copy === undefined ? {} : { link: `<${addressOf(firmId, copy)}>; rel="duplicate"` }
}

function terminateRoute(server: Server, needs: Needs): void {
  server.delete(
    one,
    {
      config: { right: 'uploads.terminate', errors: ['conflict', 'not_found', 'precondition_failed'] },
      schema: {
        tags: ['documents'],
        summary: 'End a resumable upload and remove its bytes',
        params: uploadParams,
        headers: tusHeader,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      requireTusVersion(request, reply)
      await terminateUpload(needs, request.actor, uploadOf(request.params), signalOfClient(request, reply, needs))
      return reply.code(204).send(null)
    },
  )
}

/** The upload of a path. The schema checks the UUIDs, and the database that the firm has it. */
function uploadOf(params: { firm_id: string; id: string }): UploadOf {
  return { firmId: firmOf(params), uploadId: params.id as UploadId }
}
