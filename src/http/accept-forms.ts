import multipart from '@fastify/multipart'
import type { FastifyInstance } from 'fastify'

/** Lets a route read a form with one file in it; `openForm` does. */
export async function acceptForms(server: FastifyInstance, maxUploadBytes: number): Promise<void> {
  await server.register(multipart, {
    limits: { files: 1, fields: 5, parts: 6, fileSize: maxUploadBytes + 1, fieldSize: 1024, headerPairs: 50 },
    throwFileSizeLimit: false,
  })
}
