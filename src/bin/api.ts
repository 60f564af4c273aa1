import type { FastifyInstance, FastifyPluginAsync } from 'fastify'

import packageJson from '../../package.json' with { type: 'json' }
import type { App } from '../app.ts'
import { describeApi } from '../http/openapi/describe-api.ts'
import { createCursors } from '../http/requests/paging.ts'
import { createRateLimits, limitRates } from '../http/rate-limits/limit-rates.ts'
import { startErrorCount } from '../operations/count-errors.ts'
import { createReadinessCheck } from '../operations/readiness.ts'
import { apiDocsRoutes } from '../http/routes/api-docs.ts'
import { webPageRoutes } from '../http/page/page-routes.ts'
import { noPage, type Page } from '../http/page/open-page.ts'
import { archiveRoutes } from '../http/routes/exports/archive.ts'
import { apiKeyRoutes } from '../http/routes/api-keys.ts'
import { authRoutes } from '../http/routes/auth/auth.ts'
import { disposalRoutes, documentRoutes, reviewRoutes, trashRoutes } from '../http/routes/documents.ts'
import { calendarRoutes } from '../http/routes/exports/calendar.ts'
import { checklistRoutes } from '../http/routes/review/checklist.ts'
import { applicationRoutes } from '../http/routes/review/applications.ts'
import { reviewQueueRoutes } from '../http/routes/review/review-queue.ts'
import { documentTypeRoutes } from '../http/routes/document-types.ts'
import { downloadRoutes } from '../http/routes/downloads.ts'
import { firmRoutes } from '../http/routes/firms.ts'
import { healthRoutes, metricsRoutes, statusRoutes } from '../http/routes/operations.ts'
import { identityRoutes } from '../http/routes/identities.ts'
import { invitationRoutes } from '../http/routes/invitations.ts'
import { memberRoutes } from '../http/routes/members.ts'
import { messageRoutes } from '../http/routes/messages/messages.ts'
import { preferenceRoutes } from '../http/routes/messages/preferences.ts'
import { undeliveredMailRoutes } from '../http/routes/messages/undelivered-mails.ts'
import { unsubscribeRoutes } from '../http/routes/messages/unsubscribe.ts'
import { personalDataRoutes } from '../http/routes/personal-data.ts'
import { secondFactorRoutes } from '../http/routes/second-factors.ts'
import { deliveryRoutes } from '../http/routes/webhooks/deliveries.ts'
import { webhookRoutes } from '../http/routes/webhooks/webhooks.ts'
import { userRoutes } from '../http/routes/users.ts'
import { resumableUploadRoutes } from '../http/routes/resumable/resumable-uploads.ts'
import { uploadRoutes, versionRoutes } from '../http/routes/upload.ts'
import { revokeKeyOfDenied } from '../people/api-keys/revoke-api-keys.ts'
import { buildServer, mountApi } from '../http/server.ts'
import type { BodyLimits } from '../http/connection/limit-bodies.ts'
import { defaultMaxSilenceSeconds } from '../http/connection/limit-connections.ts'
import { passwordLoginOf } from '../people/passwords/password-login.ts'
import { type IdentifyBearer, identifyBearer } from '../people/sessions/identify-bearer.ts'
import { plan } from '../worker/work-to-report.ts'

type Limits = { maxSilenceSeconds: number; bodies?: BodyLimits; page?: Page }

const never = new AbortController().signal

/** Builds the API of an app and its web page, ready to listen. `ending` aborts at the shutdown signal. */
export async function buildApi(
  app: App,
  { page = noPage, ...limits }: Limits = { maxSilenceSeconds: defaultMaxSilenceSeconds },
  ending: AbortSignal = never,
): Promise<FastifyInstance> {
  const { config, log, metrics, db } = app
  const rates = createRateLimits({ db, log, metrics, now: app.now, limits: config.rates })
  const identify = identifyBearer({
    ...app,
    secondFactor: config.secondFactorOfKeys,
    beforeDenial: (person, { ip }) => rates.spend('events', { ip, person, userId: undefined }),
  })
  const server = await buildServer({
    log,
    metrics,
    tracing: app.tracing,
    trustProxy: config.trustProxy,
    origins: [...config.corsOrigins, ...originsOf(config.publicUrl)],
    maxUploadBytes: config.maxUploadBytes,
    ...limits,
    authentication: { identify, afterDenial: (actor, error) => revokeKeyOfDenied(app, actor, error) },
  })
  const errorCount = startErrorCount(app)
  server.addHook('onClose', () => errorCount.close())
  limitRates(server, { db, rates })
  await describeApi(server, { publicUrl: config.publicUrl, version: packageJson.version })
  const readiness = { checkReadiness: createReadinessCheck({ ...app, plan, ending }) }
  await mountApi(server, apiRoutes(app, { ...limits, ...readiness, identify }))
  const folders = { uploads: config.uploadsDir, data: config.dataDir }
  const { metricsToken } = config
  const operations = [
    healthRoutes({ ...readiness, metricsToken }),
    metricsRoutes({ ...app, folders, plan, metricsToken }),
    apiDocsRoutes,
    webPageRoutes({ page, s3: app.stores.s3 === undefined ? undefined : config.s3 }),
  ]
  await mountApi(server, operations, '')
  return server
}

type RouteNeeds = Limits & Pick<Parameters<typeof statusRoutes>[0], 'checkReadiness'> & { identify: IdentifyBearer }

/** The routes below `/api/v1`. */
function apiRoutes(app: App, { checkReadiness, identify, ...limits }: RouteNeeds): FastifyPluginAsync[] {
  const { config, db, log, keys, openers } = app
  const cursors = createCursors(keys.cursors)
  const { defaultQuota, firmsPerPerson } = config
  const localLinks = { key: keys.localLinks, previousKey: keys.previousLocalLinks }
  return [
    authRoutes({
      ...app,
      identify,
      publicUrl: config.publicUrl,
      secondFactor: config.secondFactor,
      passwordLogin: passwordLoginOf(config),
      registration: config.registration,
      dataDir: config.dataDir,
    }),
    firmRoutes({ db, cursors, defaultQuota, firmsPerPerson }),
    memberRoutes({ ...app, cursors }),
    invitationRoutes({ ...app, cursors, publicUrl: config.publicUrl }),
    apiKeyRoutes({ ...app, cursors, secondFactor: config.secondFactorOfKeys }),
    identityRoutes({ ...app, cursors, usualIssuer: config.openId?.issuer }),
    secondFactorRoutes(app),
    personalDataRoutes({ db, now: app.now }),
    userRoutes({ ...app, cursors }),
    archiveRoutes({ ...app, localLinks, secondFactor: config.secondFactorOfKeys }),
    calendarRoutes({ db, now: app.now, publicUrl: config.publicUrl }),
    messageRoutes({ db, now: app.now, publicUrl: config.publicUrl, cursors }),
    preferenceRoutes({ db, now: app.now }),
    unsubscribeRoutes({ db, now: app.now, keys }),
    undeliveredMailRoutes({ db, now: app.now, cursors }),
    webhookRoutes({ ...app, cursors }),
    deliveryRoutes({ ...app, cursors }),
    checklistRoutes({ db, now: app.now }),
    applicationRoutes({ db, cursors, now: app.now, mailIsOn: app.mailIsOn }),
    reviewQueueRoutes({ db, cursors, scanner: app.scanner, now: app.now }),
    documentTypeRoutes({ db, maxUploadBytes: config.maxUploadBytes }),
    uploadRoutes({ ...app, ...limits, maxUploadBytes: config.maxUploadBytes }),
    resumableUploadRoutes({ ...app, ...limits, maxUploadBytes: config.maxUploadBytes }),
    versionRoutes({ ...app, ...limits, cursors, maxUploadBytes: config.maxUploadBytes }),
    reviewRoutes({ db, log, scanner: app.scanner, now: app.now, mailIsOn: app.mailIsOn }),
    documentRoutes({ db, log, openers, cursors, scanner: app.scanner }),
    trashRoutes({ db, log, scanner: app.scanner }),
    disposalRoutes({ db, log, openers, trashDays: config.trashDays }),
    downloadRoutes({
      ...app,
      linkSeconds: config.downloadUrlSeconds,
      localLinks,
      secondFactor: config.secondFactorOfKeys,
    }),
    statusRoutes({ ...app, checkReadiness, plan, version: packageJson.version }),
  ]
}

/** Behind a proxy that changes the host, the service's own page has the origin of PUBLIC_URL. */
function originsOf(publicUrl: string | undefined): string[] {
  return publicUrl === undefined ? [] : [new URL(publicUrl).origin]
}
