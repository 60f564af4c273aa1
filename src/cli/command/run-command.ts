import type { Logger } from 'pino'

import type { App } from '../../app.ts'
import { type Config, type ConfigWithoutTokens, loadConfig, loadConfigWithoutTokens } from '../../config/load-config.ts'
import { createLogger } from '../../logging/logger.ts'
import { describeDatabase, type Explained, explainFailure } from '../printing/explain-failure.ts'
import { clearingProgress, createPrinter, type Printer } from '../printing/printer.ts'
import type { OutputOptions } from './define-command.ts'
import { loadEnvironment } from './load-environment.ts'
import { withShutdownSignal } from './shutdown-signal.ts'

/** The parts of a command that does not open the app. */
export type CommandNeeds = {
  config: ConfigWithoutTokens
  log: Logger
  print: Printer
  /** Aborts at a shutdown signal. */
  signal: AbortSignal
}

/** The parts of a command that opens the app. */
type AppNeeds = App & { print: Printer; signal: AbortSignal }

/** The database that the settings name, once they are read. */
let database: string | undefined

/** Logs an unexpected failure with its stack. */
let logFailure: ((error: unknown, message: string) => void) | undefined

/** Explains a failure of the running command, and logs it when it is unexpected. */
export function explainCommandFailure(error: unknown): Explained {
  const explained = explainFailure(error, database)
  if (!explained.isExpected) logFailure?.(error, explained.message)
  return explained
}

/** Prepares `serve` and `work`: their log is their output, as JSON or, on a terminal, for people. */
export async function prepareService() {
  const { hasPlaceholders } = await loadEnvironment(process.env)
  const config = loadConfig(process.env)
  const { isTTY } = process.stdout
  const log = createLogger({ level: config.logLevel, isTerminal: isTTY })
  // On a terminal a stack does not help: the one line of the explanation does.
  rememberFor({ config, log, level: isTTY ? 'debug' : 'fatal' })
  return { config, log, messages: isTTY ? process.stdout : process.stderr, hasPlaceholders }
}

/** Prepares a command: it prints its own errors, so the log is silent unless `LOG_LEVEL` asks for more. */
export async function prepareCommand<Loaded extends ConfigWithoutTokens>(
  { json }: OutputOptions,
  load: (environment: NodeJS.ProcessEnv) => Loaded,
) {
  const { sourceOf } = await loadEnvironment(process.env)
  const config = load(process.env)
  const level = ['debug', 'trace', 'silent'].includes(config.logLevel) ? config.logLevel : 'fatal'
  const log = createLogger({ level, isTerminal: process.stderr.isTTY, destination: clearingProgress(process.stderr) })
  rememberFor({ config, log, level: 'debug' })
  return { config, log, sourceOf, print: createPrinter(json === true) }
}

function rememberFor(command: { config: ConfigWithoutTokens; log: Logger; level: 'debug' | 'fatal' }): void {
  const { config, log, level } = command
  database = describeDatabase(config.database)
  logFailure = (error, message) => log[level]({ event: 'failed', err: error }, message)
}

/** Runs a command that does not open the app, and so needs no `JWT_SECRET_KEY`. */
export async function withSettings(
  options: OutputOptions,
  work: (needs: CommandNeeds & { sourceOf: (name: string) => string }) => Promise<void>,
): Promise<void> {
  const needs = await prepareCommand(options, loadConfigWithoutTokens)
  await withShutdownSignal((signal) => work({ ...needs, signal }))
}

/** Runs a command with the app. */
export async function withApp(options: OutputOptions, work: (needs: AppNeeds) => Promise<void>): Promise<void> {
  const { print, ...needs } = await prepareCommand(options, loadConfig)
  await withOpenApp(needs, (app, signal) => work({ ...app, print, signal }))
}

/**
 * Runs a command that moves, reads or destroys documents. It opens S3 even when new files go to the local store, and
 * uses the database's clock. `adjust` may change the settings first.
 */
export async function withDocuments(
  options: OutputOptions,
  work: (needs: AppNeeds) => Promise<void>,
  adjust: (config: Config) => Promise<Config> = async (config) => Promise.resolve(config),
): Promise<void> {
  const { print, log, config: loaded } = await prepareCommand(options, loadConfig)
  const config = await adjust(loaded)
  const { readClock } = await import('../../database/connection/client.ts')
  await withOpenApp({ config: { ...config, useS3: true }, log }, async (app, signal) =>
    work({ ...app, now: await readClock(app.db), config, print, signal }),
  )
}

/** Opens the app for one piece of work. Throws `Interrupted` when a shutdown signal comes before it is open. */
export async function withOpenApp<Result>(
  { config, log, isRestoring = false }: { config: Config; log: Logger; isRestoring?: boolean },
  work: (app: App, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { openApp } = await import('../../app.ts')
  return withShutdownSignal(async (signal) => {
    const app = await openApp(config, log, { isRestoring }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw error
    })
    try {
      signal.throwIfAborted()
      return await work(app, signal)
    } finally {
      await app.close()
    }
  })
}
