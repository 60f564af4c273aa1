// `npm run demo`: a throw-away service with firms, documents and a review queue, to look around in.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import type { Login } from './call-api.ts'
import { prepare } from './prepare.ts'
import { type Logins, waitingCount } from './seed.ts'

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
else process.exitCode = await run()

async function run(): Promise<number> {
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
      PORT: values.port,
      DATA_DIR: join(folder, 'data'),
      UPLOADS_DIR: join(folder, 'uploads'),
      REGISTRATION: 'open',
    }
    await prepare(settings, logins, (what) => process.stderr.write(`Preparing ${what} …\n`))
    return await serveUntilSignal({ settings, folder, logins })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Without the settings of a real service, which the demo must not touch. */
function onlyNeeded({ PATH = '', HOME = '' }: NodeJS.ProcessEnv): Record<string, string> {
  return { PATH, HOME }
}

function newLogin(name: string, account: string): Login {
  return { name, email: `${account}@demo.example`, password: randomBytes(9).toString('base64url') }
}

type Demo = { settings: Record<string, string>; folder: string; logins: Logins }

async function serveUntilSignal({ settings, folder, logins }: Demo): Promise<number> {
  const log = join(folder, 'service.log')
  const program = join(import.meta.dirname, '../bin/paniq-docs')
  const service = spawn(program, ['serve'], { env: settings, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createWriteStream(log)
  service.stdout.pipe(lines, { end: false })
  service.stderr.pipe(lines, { end: false })
  const ended = once(service, 'exit')
  const stop = () => service.kill('SIGTERM')
  process.once('SIGINT', stop).once('SIGTERM', stop)

  const origin = `http://localhost:${settings['PORT']}`
  const isReady = await Promise.race([untilPageIsServed(origin), ended.then(() => false)])
  if (isReady) describe(origin, logins, log)
  else if (service.exitCode !== 0)
    process.stderr.write(`The service did not start. Is port ${settings['PORT']} free?\n`)
  await ended
  return service.exitCode ?? 1
}

/** The page is built at the first start, which takes some seconds. */
async function untilPageIsServed(origin: string): Promise<boolean> {
  for (;;) {
    const response = await fetch(origin).catch(() => undefined)
    const body = await response?.text()
    if (response?.ok === true && body?.includes('<script') === true) return true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
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
