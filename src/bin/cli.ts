import type { Logger } from 'pino'

import packageJson from '../../package.json' with { type: 'json' }
import type { App } from '../app.ts'
import { explainFailure, describeDatabase } from '../cli/printing/explain-failure.ts'
import { loadEnvironment } from '../cli/command/load-environment.ts'
import { clearingProgress, createPrinter } from '../cli/printing/printer.ts'
import { buildProgram } from '../cli/program.ts'
import { passwordReader } from '../cli/printing/password-reader.ts'
import { runProgram } from '../cli/run-program.ts'
import { assertReportWritable } from '../cli/printing/write-report.ts'
import { type Config, type ConfigWithoutTokens, loadConfig, loadConfigWithoutTokens } from '../config/config.ts'
import { createLogger } from '../logging/logger.ts'
import { withShutdownSignal } from './shutdown-signal.ts'

type AppWithSignal = App & { signal: AbortSignal }

/** Which one the settings mean, once they were read. */
let database: string | undefined

/** Takes what nobody foresaw, whole. */
let logFailure: ((error: unknown, message: string) => void) | undefined

/** For what runs on: its log is its answer, in JSON or, on a terminal, for people. */
async function prepareService() {
  const { hasPlaceholders } = await loadEnvironment(process.env)
  const config = loadConfig(process.env)
  database = describeDatabase(config.database)
  const people = process.stdout.isTTY ? process.stdout : process.stderr
  const log = createLogger({ level: config.logLevel, isTerminal: process.stdout.isTTY })
  logFailure = keepFailures(log, process.stdout.isTTY ? 'debug' : 'fatal')
  return { config, log, people, hasPlaceholders }
}

/** For a command: it prints its own errors, and the log is silent unless `LOG_LEVEL` asks for more. */
async function prepare<Loaded extends ConfigWithoutTokens>(
  { json }: { json?: true },
  load: (environment: NodeJS.ProcessEnv) => Loaded,
) {
  const { sourceOf } = await loadEnvironment(process.env)
  const config = load(process.env)
  database = describeDatabase(config.database)
  const level = ['debug', 'trace', 'silent'].includes(config.logLevel) ? config.logLevel : 'fatal'
  const log = createLogger({ level, isTerminal: process.stderr.isTTY, destination: clearingProgress(process.stderr) })
  logFailure = keepFailures(log, 'debug')
  return { config, log, sourceOf, print: createPrinter(json === true) }
}

type WithoutTokens = Awaited<ReturnType<typeof prepare<ConfigWithoutTokens>>> & { signal: AbortSignal }

/** For a command that does not open the app, until it is done or receives a shutdown signal. */
async function withoutTokens(options: { json?: true }, work: (needs: WithoutTokens) => Promise<void>) {
  const needs = await prepare(options, loadConfigWithoutTokens)
  await withShutdownSignal((signal) => work({ ...needs, signal }))
}

/** For what moves or reads documents: S3 is opened in any case, wherever new files go. */
async function onDocuments(
  { config, log }: { config: Config; log: Logger },
  work: (app: AppWithSignal) => Promise<void>,
) {
  const { withApp } = await import('./with-app.ts')
  const { readClock } = await import('../database/connection/client.ts')
  await withApp({ config: { ...config, useS3: true }, log }, async (app, signal) =>
    work({ ...app, now: await readClock(app.db), config: { ...app.config, useS3: config.useS3 }, signal }),
  )
}

// Not where people read: a stack tells them nothing, and what they can do stands in one line.
function keepFailures(log: Logger, level: 'debug' | 'fatal') {
  return (error: unknown, message: string) => log[level]({ event: 'failed', err: error }, message)
}

// What a command needs is loaded when it is given: help, and what is asked for wrongly, are answered at once.
const program = buildProgram(
  {
    async serve(options) {
      const { serve } = await import('./serve.ts')
      await serve(await prepareService(), options)
    },
    async work() {
      const { work } = await import('./serve.ts')
      await work(await prepareService())
    },
    async testS3(options) {
      const { testS3 } = await import('../cli/s3/test-s3.ts')
      await withoutTokens(options, (needs) =>
        testS3({ ...needs, credentialsPlace: needs.sourceOf('AWS_ACCESS_KEY_ID') }),
      )
    },
    async setUpS3(options) {
      const { setUpS3 } = await import('../cli/s3/set-up-s3.ts')
      await withoutTokens(options, (needs) =>
        setUpS3({ ...needs, credentialsPlace: needs.sourceOf('AWS_ACCESS_KEY_ID') }, options),
      )
    },
    async migrate(to, options) {
      const needs = await prepare(options, loadConfig)
      const { migrateDocuments } = await import('../cli/storage/migrate-documents.ts')
      await assertReportWritable(options.report)
      await onDocuments(needs, (app) => migrateDocuments({ ...app, ...needs, config: app.config }, to, options))
    },
    async drain(options) {
      const needs = await prepare(options, loadConfig)
      const { configForDisk, drainDisk } = await import('../cli/storage/drain-disk.ts')
      const config = await configForDisk(needs.config, options.store)
      await onDocuments({ ...needs, config }, (app) => drainDisk({ ...app, ...needs, config: app.config }, options))
    },
    async verify(options) {
      const needs = await prepare(options, loadConfig)
      const { withApp } = await import('./with-app.ts')
      const { verifyDocuments } = await import('../cli/verify/verify-documents.ts')
      await assertReportWritable(options.report)
      await withApp(needs, (app, signal) => verifyDocuments({ ...app, print: needs.print, signal }, options))
    },
    async verifyAudit(options) {
      const { verifyAudit, verifyAuditExport } = await import('../cli/audit/verify-audit.ts')
      if (options.export !== undefined) {
        const needs = await prepare(options, loadConfigWithoutTokens)
        const { openHeads } = await import('../audit/seal-heads.ts')
        return verifyAuditExport({ ...needs, heads: openHeads(needs.config, needs.log) }, options.export, options)
      }
      const needs = await prepare(options, loadConfig)
      const { withApp } = await import('./with-app.ts')
      await withApp(needs, (app, signal) => verifyAudit({ ...app, print: needs.print, signal }, options))
    },
    async exportAudit(options) {
      const needs = await prepare(options, loadConfig)
      const { withApp } = await import('./with-app.ts')
      const { exportAudit } = await import('../cli/audit/export-audit.ts')
      await withApp(needs, (app, signal) => exportAudit({ ...app, print: needs.print, signal }, options))
    },
    async createBackup(place, options) {
      const needs = await prepare(options, loadConfig)
      const { withApp } = await import('./with-app.ts')
      const { createBackup } = await import('../cli/backup/create-backup.ts')
      const { readKeyFile } = await import('../cli/backup/open-backup-place.ts')
      const { readSigningKey } = await import('../backup/open-backup.ts')
      const key = await readKeyFile(options.signKey, '--sign-key', readSigningKey)
      const { version } = packageJson
      await withApp(needs, (app, signal) =>
        createBackup({ ...app, ...needs, owner: app.ownerConnection, version, signal, key }, place, options),
      )
    },
    async verifyBackup(place, options) {
      const { verifyBackup } = await import('../cli/backup/verify-backup.ts')
      await withoutTokens(options, (needs) => verifyBackup(needs, place, options))
    },
    async restoreBackup(place, options) {
      const needs = await prepare(options, loadConfig)
      const { restore } = await import('./restore.ts')
      await restore(needs, place, options)
    },
    async purge(options) {
      const needs = await prepare(options, loadConfig)
      const { purgeDocuments } = await import('../cli/purge/purge-documents.ts')
      await onDocuments(needs, (app) => purgeDocuments({ ...app, ...needs, config: app.config }, options))
    },
    async estimateCost(options) {
      const { estimateCost } = await import('../cli/costs/estimate-cost.ts')
      await withoutTokens(options, (needs) => estimateCost(needs, options))
    },
    async createUser(options) {
      const { createUser } = await import('../cli/users/manage-users.ts')
      const readPassword = passwordReader(options.email, options)
      await withoutTokens(options, (needs) => createUser({ ...needs, readPassword }, options))
    },
    async setPassword(options) {
      const { setUserPassword } = await import('../cli/users/manage-users.ts')
      const readPassword = passwordReader(options.email, options)
      await withoutTokens(options, (needs) => setUserPassword({ ...needs, readPassword }, options.email))
    },
    async linkIdentity(options) {
      const { linkUser } = await import('../cli/users/manage-users.ts')
      await withoutTokens(options, (needs) => linkUser(needs, options))
    },
    async unlinkIdentity(options) {
      const { unlinkUser } = await import('../cli/users/manage-users.ts')
      await withoutTokens(options, (needs) => unlinkUser(needs, options))
    },
    async migrateDatabase(options) {
      const { migrateDatabase } = await import('../cli/command/with-database.ts')
      await withoutTokens(options, migrateDatabase)
    },
  },
  packageJson.version,
)

function explain(error: unknown) {
  const explained = explainFailure(error, database)
  if (!explained.isExpected) logFailure?.(error, explained.message)
  return explained
}

process.on('uncaughtException', (error) => {
  console.error(explain(error).message)
  process.exit(1)
})
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has seen enough, as `| head` does.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exit(await runProgram(program, process.argv.slice(2), explain))
