import type { FastifyInstance, FastifyPluginAsync } from 'fastify'

import packageJson from '../../package.json' with { type: 'json' }
import type { App } from '../app.ts'
import { describeApi } from '../http/openapi/describe-api.ts'
import { createCursors } from '../http/requests/paging.ts'
import { createRateLimits, limitRates } from '../http/rate-limits/limit-rates.ts'
import { createReadinessCheck } from '../operations/readiness.ts'
import { apiDocsRoutes, homeRoutes } from '../http/routes/pages.ts'
import { authRoutes } from '../http/routes/auth.ts'
import { disposalRoutes, documentRoutes, reviewRoutes, trashRoutes } from '../http/routes/documents.ts'
import { documentTypeRoutes } from '../http/routes/document-types.ts'
import { downloadRoutes } from '../http/routes/downloads.ts'
import { firmRoutes } from '../http/routes/firms.ts'
import { healthRoutes, metricsRoutes, statusRoutes } from '../http/routes/operations.ts'
import { identityRoutes } from '../http/routes/identities.ts'
import { memberRoutes } from '../http/routes/members.ts'
import { uploadRoutes, versionRoutes } from '../http/routes/upload.ts'
import { buildServer, mountApi } from '../http/server.ts'
import { maxSilenceSeconds } from '../http/connection/connections.ts'
import { identifyBearer } from '../people/sessions/identify-bearer.ts'
import { plan } from '../worker/planned-work.ts'

type Limits = { maxSilenceSeconds: number }

const never = new AbortController().signal

/** Builds the API of an app, ready to listen. `ending` aborts at the shutdown signal. */
export async function buildApi(
  app: App,
  limits: Limits = { maxSilenceSeconds },
  ending: AbortSignal = never,
): Promise<FastifyInstance> {
  const { config, log, metrics, db, keys, openers } = app
  const rates = createRateLimits({ db, log, metrics, now: app.now, limits: config.rates })
  const identify = identifyBearer({
    ...app,
    beforeDenial: ({ issuer, subject }, { ip }) =>
      rates.spend('events', { ip, person: `${subject} of ${issuer}`, userId: undefined }),
  })
  const server = await buildServer({
    log,
    metrics,
    tracing: app.tracing,
    trustProxy: config.trustProxy,
    origins: [...config.corsOrigins, ...originsOf(config.publicUrl)],
    maxUploadBytes: config.maxUploadBytes,
    ...limits,
    authentication: { identify },
  })
  limitRates(server, { db, rates })
  await describeApi(server, { publicUrl: config.publicUrl, version: packageJson.version })
  const cursors = createCursors(keys.cursors)
  const { defaultQuota } = config
  const readiness = { checkReadiness: createReadinessCheck({ ...app, plan, ending }) }
  const routes: FastifyPluginAsync[] = [
    authRoutes({ ...app, identify, publicUrl: config.publicUrl }),
    firmRoutes({ db, cursors, defaultQuota: defaultQuota }),
    memberRoutes({ db, cursors }),
    identityRoutes({ db, cursors, usualIssuer: config.openId?.issuer }),
    documentTypeRoutes({ db, maxUploadBytes: config.maxUploadBytes }),
    uploadRoutes({ ...app, ...limits, maxUploadBytes: config.maxUploadBytes }),
    versionRoutes({ ...app, ...limits, cursors, maxUploadBytes: config.maxUploadBytes }),
    reviewRoutes({ db, log, scanner: app.scanner, now: app.now }),
    documentRoutes({ db, log, openers, cursors, scanner: app.scanner }),
    trashRoutes({ db, log, scanner: app.scanner }),
    disposalRoutes({ db, log, openers, trashDays: config.trashDays }),
    downloadRoutes({ ...app, linkSeconds: config.downloadUrlSeconds, localLinks: { key: keys.localLinks } }),
    statusRoutes({ ...app, ...readiness, plan, version: packageJson.version }),
  ]
  await mountApi(server, routes)
  const folders = { uploads: config.uploadsDir, data: config.dataDir }
  const operations = [healthRoutes(readiness), metricsRoutes({ ...app, folders, plan }), apiDocsRoutes, homeRoutes]
  await mountApi(server, operations, '')
  return server
}

/** Behind a proxy that changes the host, the service's own page has the origin of PUBLIC_URL. */
function originsOf(publicUrl: string | undefined): string[] {
  return publicUrl === undefined ? [] : [new URL(publicUrl).origin]
}
