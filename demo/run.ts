// `npm run demo`: a throw-away service with firms, documents and a review queue, to look around in.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { withShutdownSignal } from '../src/cli/command/shutdown-signal.ts'
import { explainFailure, Interrupted, WrongUse } from '../src/cli/printing/explain-failure.ts'
import { hasCode } from '../src/errors/app-error.ts'
import type { Login } from './call-api.ts'
import { prepare } from './prepare.ts'
import { type Logins, waitingCount } from './seed.ts'
import { serveUntil } from './serve.ts'

const usage = `npm run demo -- [--port P] [--json]

  --port  where it listens, on this machine only: 8080 when not said
  --json  the address and the logins as one line of JSON, for programs

Everything is in a temporary folder, which is removed at the end (Ctrl-C).
`

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else process.exitCode = await withShutdownSignal(run).catch(explain)

async function run(signal: AbortSignal): Promise<number> {
  const port = portOf(values.port)
  await requireFree(port)
  const folder = await mkdtemp(join(tmpdir(), 'paniq-demo-'))
  // The embedded database runs as a user of its own if this one is root.
  await chmod(folder, 0o755)
  try {
    const logins: Logins = {
      firm: newLogin('Thandi Nkosi', 'firm'),
      reviewer: newLogin('Lerato Mokoena', 'reviewer'),
      administrator: newLogin('Administrator', 'admin'),
    }
    const settings = {
      ...onlyNeeded(process.env),
      HOST: '127.0.0.1',
      PORT: String(port),
      DATA_DIR: join(folder, 'data'),
      UPLOADS_DIR: join(folder, 'uploads'),
      REGISTRATION: 'open',
    }
    await prepare(settings, logins, { step: printStep, signal })
    return await serveUntil(signal, { settings, folder, onReady: (origin, log) => describe(origin, logins, log) })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function printStep(what: string): void {
  process.stderr.write(`Preparing ${what} …\n`)
}

/** As in a shell: 130 after Ctrl-C. */
function explain(error: unknown): number {
  process.stderr.write(`${explainFailure(error).message}\n`)
  return error instanceof Interrupted ? 130 : 1
}

function portOf(value: string): number {
  const port = Number(value)
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535) throw new WrongUse('--port: a number from 1 to 65535.')
  return port
}

/** The preparation takes long: a port in use is found before it. */
async function requireFree(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening').catch((error: unknown) => {
    if (!hasCode(error, 'EADDRINUSE', 'EACCES')) throw error
    throw new WrongUse(`Port ${port} is not free. Choose another one: npm run demo -- --port ${port + 1}`)
  })
  await server[Symbol.asyncDispose]()
}

/** Without the settings of a real service, which the demo must not touch. */
function onlyNeeded({ PATH = '', HOME = '' }: NodeJS.ProcessEnv): Record<string, string> {
  return { PATH, HOME }
}

function newLogin(name: string, account: string): Login {
  return { name, email: `${account}@demo.example`, password: randomBytes(9).toString('base64url') }
}

function describe(origin: string, logins: Logins, log: string): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ url: origin, ...logins })}\n`)
    return
  }
  const rows = [
    ['A firm with documents in every state', logins.firm],
    [`A reviewer with ${waitingCount} documents that wait`, logins.reviewer],
    ['The administrator of the platform', logins.administrator],
  ] as const
  process.stdout.write(`\nPaniq Documents runs at ${origin}\n\n`)
  for (const [what, { email, password }] of rows) process.stdout.write(`  ${what}\n    ${email}\n    ${password}\n\n`)
  process.stdout.write(`Its log: ${log}\nCtrl-C ends it and removes everything.\n`)
}
