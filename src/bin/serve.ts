import { randomUUID } from 'node:crypto'

import type { Logger } from 'pino'

import { type App, closeAll, type Closer, openApp } from '../app.ts'
import {
  addressToOpen,
  describeAdministrator,
  describeMail,
  describeScanner,
  describeSecondFactor,
  describeStorage,
  findTokensWithoutSecondFactor,
  firstCall,
} from '../cli/printing/describe-start.ts'
import type { Config } from '../config/load-config.ts'
import { findPlaintextConnections } from '../cli/printing/find-plaintext.ts'
import { systemActor } from '../database/audit/events.ts'
import { hasVersionsIn } from '../database/documents/versions-in-store.ts'
import { disableWrongBucket } from '../documents/stores/claim-store.ts'
import { ensureAdministrator, writePasswordFile } from '../people/accounts/ensure-administrator.ts'
import { stopServing, type StopTimes, trackRequests, defaultStopTimes } from '../http/connection/stop-serving.ts'
import { defaultMaxSilenceSeconds } from '../http/connection/limit-connections.ts'
import { openPage } from '../http/page/open-page.ts'
import { findS3Trouble } from '../storage/connection-test/find-bucket.ts'
import type { S3Limits } from '../storage/s3/guard-s3.ts'
import type { S3Trouble } from '../storage/s3/requests/s3-errors.ts'
import { isS3Unavailable } from '../storage/s3/requests/s3-operation.ts'
import { startMailDelivery } from '../worker/mail-delivery.ts'
import { startWebhookDelivery } from '../worker/webhook-delivery.ts'
import { startWorker } from '../worker/run-queue.ts'
import { startLocalDiskTasks, type LocalDiskTimes } from '../worker/local-disk-tasks.ts'
import { buildApi } from './api.ts'
import { shutdownNotice, waitForShutdownSignal } from '../cli/command/shutdown-signal.ts'
import { explainListening } from '../cli/printing/explain-failure.ts'
import { explainS3Failure, type Explanation } from '../cli/printing/explain-s3-failure.ts'

type Needs = {
  config: Config
  log: Logger
  /** Messages for people: standard error when the log on standard output is JSON. */
  messages: NodeJS.WriteStream
  /** Whether the S3 credentials are still the placeholders of `.env.example`. */
  hasPlaceholders: boolean
}

/** Tests pass shorter times. */
type ServeOptions = { jobs: boolean; stopTimes?: StopTimes; s3Limits?: S3Limits; tendTimes?: LocalDiskTimes }

/** Runs the API, with the jobs unless they run elsewhere, until a shutdown signal. */
export async function serve(needs: Needs, options: ServeOptions): Promise<void> {
  const { jobs, stopTimes = defaultStopTimes, s3Limits = {}, tendTimes } = options
  await runUntilShutdown({ ...needs, s3Limits }, async (app, opened, ending) => {
    const { host, port } = app.config
    const administrator = await prepareAdministrator(needs, app)
    const page = openPage(app.log)
    opened.push(async () => page.close())
    const server = await buildApi(app, { maxSilenceSeconds: defaultMaxSilenceSeconds, page }, ending)
    const running = trackRequests(server, ending)
    const behind: Closer[] = []
    opened.push(async () => {
      // After Ctrl-C or a failed start there is no load balancer that must first stop sending requests.
      const times = ending.reason === 'SIGTERM' ? stopTimes : { ...stopTimes, acceptMs: 0, hearMs: 0 }
      await Promise.all([stopServing(server, { ...app, s3: app.stores.s3, running, times }), closeAll(behind)])
    })
    await checkBucketOwner(app)
    const listening = await server.listen({ host, port }).catch((error: unknown) => {
      throw explainListening(error, { host, port })
    })
    const address = addressToOpen(host, listening)
    // Not awaited: without its provider the service still works for everybody else.
    void app.provider?.prepare()
    openTending(app, behind, tendTimes)
    if (jobs) await openWorker(app, behind)

    const storage = await checkStorage(app, needs.hasPlaceholders)
    const scanner = await checkScanner(app)
    const exempt = findTokensWithoutSecondFactor(app.config)
    if (exempt !== undefined) app.log.warn({ event: 'second_factor_partial' }, exempt)
    for (const advice of findPlaintextConnections(app.config))
      app.log.warn({ event: 'plaintext_connection' }, `a connection crosses public networks without TLS; ${advice}`)
    app.log.info({ event: 'started', address, storage, scanner }, 'started')
    // One write, so that no line of the log comes in between.
    needs.messages.write(`
Paniq Documents answers at ${address}
Administrator: ${administrator}
Storage: ${storage}
Scanner: ${scanner}
Mail: ${describeMail(app.config)}
Second factor: ${describeSecondFactor(app.config)}
Try next: ${firstCall(address)}
${needs.messages.isTTY ? 'Ctrl-C stops the service.\n\n' : ''}`)
  })
}

/** Runs only the jobs. */
export async function work(needs: Needs): Promise<void> {
  await runUntilShutdown(needs, async (app, opened) => {
    openTending(app, opened)
    await openWorker(app, opened)
    const storage = await checkStorage(app, needs.hasPlaceholders)
    const scanner = await checkScanner(app)
    const mail = describeMail(app.config)
    needs.messages.write(`Paniq Documents runs its jobs.\nStorage: ${storage}\nScanner: ${scanner}\nMail: ${mail}\n`)
    app.log.info({ event: 'started' }, 'started')
  })
}

async function awaitShutdown(messages: NodeJS.WriteStream, ending: AbortController): Promise<NodeJS.Signals> {
  const signal = await waitForShutdownSignal()
  messages.write(shutdownNotice)
  ending.abort(signal)
  return signal
}

function openTending(app: App, opened: Closer[], times?: LocalDiskTimes): void {
  const tending = startLocalDiskTasks(app, times)
  opened.push(() => tending.close())
}

async function openWorker(app: App, opened: Closer[]): Promise<void> {
  const worker = await startWorker(app)
  opened.push(() => worker.close())
  const mail = startMailDelivery(app)
  opened.push(() => mail.close())
  const webhooks = startWebhookDelivery(app)
  opened.push(() => webhooks.close())
}

/** Opens the app, and closes it in reverse at a shutdown signal: no new requests, running ones finish, then the rest. */
async function runUntilShutdown(
  { config, log, messages, s3Limits = {} }: Needs & { s3Limits?: S3Limits },
  start: (app: App, opened: Closer[], ending: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController()
  const shutdown = awaitShutdown(messages, ending)
  const app = await openApp(config, log, s3Limits)
  const opened: Closer[] = [() => app.close()]
  try {
    await start(app, opened, ending.signal)
    const signal = await shutdown
    log.info({ event: 'stopping', signal }, 'stopping')
  } finally {
    await closeAll(opened)
  }
  log.info({ event: 'stopped' }, 'stopped')
}

/** Disables S3 when its bucket belongs to another installation. */
async function checkBucketOwner(app: App): Promise<void> {
  try {
    await disableWrongBucket(app)
  } catch (error) {
    if (isS3Unavailable(error)) return
    app.log.warn({ event: 'claim_failed', store: 's3', err: error }, 'bucket owner unknown, s3 failed')
  }
}

/** Describes where new files are stored. */
async function checkStorage(app: App, hasPlaceholders: boolean): Promise<string> {
  if (app.stores.s3 === undefined) await warnUnreachableDocuments(app)
  const trouble = await findTrouble(app)
  return describeStorage(app.config, { outage: app.stores.s3?.outage(), trouble, hasPlaceholders })
}

/** Explains why S3 cannot be used. Opens the circuit of an S3 that is down, so that the first upload does not wait for it. */
async function findTrouble({ config, stores: { s3, preferred } }: App): Promise<Explanation | undefined> {
  if (preferred !== 's3' || certainTroubles.has(s3?.outage()?.trouble)) return undefined
  const failure = await findS3Trouble(config.s3)
  if (failure?.trouble !== undefined) s3?.reportOutage(failure.trouble, failure.s3Code)
  return failure && explainS3Failure(failure)
}

async function checkScanner({ config, scanner }: App): Promise<string> {
  return describeScanner(config, (await scanner?.identify()) !== undefined)
}

async function warnUnreachableDocuments({ db, log }: App): Promise<void> {
  if (!(await hasVersionsIn(db, 's3'))) return
  log.warn(
    { event: 's3_not_set_up' },
    'documents on S3 cannot be downloaded, s3 is not configured: set AWS_S3_BUCKET with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or with USE_S3_STORAGE=true where a profile or role has the credentials',
  )
}

/** Troubles that are certain without another request. */
const certainTroubles = new Set<S3Trouble | undefined>(['no_credentials', 'not_ours'])

async function prepareAdministrator({ config, messages }: Needs, app: App): Promise<string> {
  const actor = systemActor(randomUUID())
  const outcome = await ensureAdministrator(
    { ...app, actor },
    {
      given: config.admin,
      isEmbedded: config.database.kind === 'embedded',
      async handOver(made) {
        if (messages.isTTY) messages.write(`The administrator’s password, shown only this once: ${made.password}\n`)
        else await writePasswordFile(config.dataDir, made)
      },
    },
  )
  return describeAdministrator(config, outcome, messages.isTTY)
}
