import type { Logger } from 'pino'

import { type App, closeAll, type Closer, openApp } from '../app.ts'
import { addressToOpen, describeAdministrator, describeStorage, firstCall } from '../cli/describe-start.ts'
import { explainListening } from '../cli/explain-listening.ts'
import type { Config } from '../config.ts'
import { targetOf } from '../documents/stores.ts'
import { ensureAdministrator, writePasswordFile } from '../people/ensure-administrator.ts'
import { findS3Trouble } from '../storage/connection-test/find-s3-trouble.ts'
import { startWorker } from '../worker/start-worker.ts'
import { tendDisk } from '../worker/tend-disk.ts'
import { buildApi } from './api.ts'
import { untilToldToEnd } from './until-told-to-end.ts'

type Needs = {
  config: Config
  log: Logger
  /** Where people read; apart from the log when that is for machines. */
  people: NodeJS.WriteStream
}

/** The API, with the jobs behind it unless they run elsewhere, until it is told to end. */
export async function serve(needs: Needs, { jobs }: { jobs: boolean }): Promise<void> {
  await runUntilTold(needs, async (app, opened) => {
    const { host, port } = app.config
    const administrator = await makeAdministrator(needs, app)
    const server = await buildApi(app)
    opened.push(() => server.close())
    const listening = await server.listen({ host, port }).catch((error: unknown) => {
      throw explainListening(error, { host, port })
    })
    const address = addressToOpen(host, listening)
    openTending(app, opened)
    if (jobs) await openWorker(app, opened)

    const storage = await tellStorage(app)
    app.log.info({ event: 'started', address, storage }, 'started')
    needs.people.write(`
Paniq Documents answers at ${address}
Administrator: ${administrator}
Storage: ${storage}
Try next: ${firstCall(address)}
`)
  })
}

/** The jobs alone. */
export async function work(needs: Needs): Promise<void> {
  await runUntilTold(needs, async (app, opened) => {
    openTending(app, opened)
    await openWorker(app, opened)
    needs.people.write(`Paniq Documents does its jobs.\nStorage: ${await tellStorage(app)}\n`)
    app.log.info({ event: 'started' }, 'started')
  })
}

function openTending(app: App, opened: Closer[]): void {
  const tending = tendDisk(app)
  opened.push(() => tending.close())
}

async function openWorker(app: App, opened: Closer[]): Promise<void> {
  const worker = await startWorker(app)
  opened.push(() => worker.close())
}

/** Opens the whole, and closes it in reverse when it is told to end: no new requests, running ones finish, then the rest. */
async function runUntilTold(
  { config, log, people }: Needs,
  start: (app: App, opened: Closer[]) => Promise<void>,
): Promise<void> {
  const told = untilToldToEnd()
  void told.then(() => people.write('Stopping; once more ends at once.\n'))
  const app = await openApp(config, log)
  const opened: Closer[] = [() => app.close()]
  try {
    await start(app, opened)
    const signal = await told
    log.info({ event: 'stopping', signal }, 'stopping')
  } finally {
    await closeAll(opened)
  }
  log.info({ event: 'stopped' }, 'stopped')
}

async function tellStorage({ config, stores }: App): Promise<string> {
  const trouble = stores.wanted === 's3' ? await findS3Trouble(config.s3) : undefined
  return describeStorage(config, targetOf(stores), trouble)
}

async function makeAdministrator({ config, people }: Needs, app: App): Promise<string> {
  const outcome = await ensureAdministrator(app, {
    given: config.admin,
    isEmbedded: config.database.kind === 'embedded',
    async handOver(made) {
      if (people.isTTY) people.write(`The administrator’s password, shown this once: ${made.password}\n`)
      else await writePasswordFile(config.dataDir, made)
    },
  })
  return describeAdministrator(config, outcome, people.isTTY)
}
