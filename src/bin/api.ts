import type { FastifyInstance, FastifyPluginAsync } from 'fastify'

import type { App } from '../app.ts'
import { makeCursors } from '../http/paging.ts'
import { authRoutes } from '../http/routes/auth.ts'
import { documentTypeRoutes } from '../http/routes/document-types.ts'
import { documentRoutes } from '../http/routes/documents.ts'
import { downloadRoutes } from '../http/routes/downloads.ts'
import { firmRoutes } from '../http/routes/firms.ts'
import { historyRoutes } from '../http/routes/history.ts'
import { memberRoutes } from '../http/routes/members.ts'
import { uploadRoutes } from '../http/routes/upload.ts'
import { buildServer, mountApi } from '../http/server.ts'
import { checkAccessToken } from '../people/access-token.ts'

/** The API of a built app, ready to listen. */
export async function buildApi(app: App): Promise<FastifyInstance> {
  const { config, log, now, db, keys } = app
  const server = await buildServer({
    log,
    trustProxy: config.trustProxy,
    corsOrigins: config.corsOrigins,
    maxUploadBytes: config.maxUploadBytes,
    authentication: { checkAccessToken: (token) => checkAccessToken({ accessKey: keys.accessKey, now }, token) },
  })
  const cursors = makeCursors(keys.cursors)
  const routes: FastifyPluginAsync[] = [
    authRoutes({ ...app, publicUrl: config.publicUrl }),
    firmRoutes({ db, cursors }),
    memberRoutes({ db, cursors }),
    documentTypeRoutes({ db, maxUploadBytes: config.maxUploadBytes }),
    uploadRoutes({ ...app, maxUploadBytes: config.maxUploadBytes }),
    documentRoutes({ db, log, cursors }),
    historyRoutes({ db, log, cursors }),
    downloadRoutes({ ...app, linkSeconds: config.downloadUrlSeconds, localLinks: { key: keys.localLinks } }),
  ]
  await mountApi(server, routes)
  return server
}
