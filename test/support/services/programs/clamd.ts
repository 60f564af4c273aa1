import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { findFreePorts } from '../packages/free-ports.ts'
import { findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { startProgram, waitUntilReady } from '../packages/run-program.ts'
import type { ClamdAddress } from '../packages/service-addresses.ts'
import { ServiceFailure } from '../packages/service-failure.ts'

export const clamdNeed: PackageNeed = {
  service: 'a virus scanner (ClamAV)',
  packages: ['clamav-daemon'],
  aboutMegabytes: 8,
  variables: ['CLAMD_URL'],
  missing: async () => ((await findClamd()) ? [] : ['clamd']),
}

export type ClamdOptions = {
  /** The port of an earlier instance; default: a free one. */
  port?: number
  /** Settings that differ from the default. */
  settings?: Record<string, string>
}

export type RunningClamd = { address: ClamdAddress; port: number; socketPath: string; stop: () => Promise<void> }

/** A clamd with only the signature of the EICAR test file, so that it starts at once and needs no mirror. */
export async function startClamd(folder: string, wish: ClamdOptions = {}): Promise<RunningClamd> {
  const command = await findClamd()
  if (!command) throw new ServiceFailure('ClamAV is not installed.')
  const [port = 0] = wish.port === undefined ? await findFreePorts(1) : [wish.port]
  await mkdir(join(folder, 'db'), { recursive: true })
  await mkdir(join(folder, 'tmp'), { recursive: true })
  await writeFile(join(folder, 'db', 'eicar.ndb'), signatureOf('Eicar-Test-Signature', eicar))
  const settings = join(folder, 'clamd.conf')
  await writeFile(settings, clamdSettings({ folder, port }, wish.settings))

  const server = startProgram({
    name: 'clamd',
    command,
    words: [`--config-file=${settings}`, '--foreground'],
    logPath: join(folder, 'clamd.out'),
  })
  const stop = () => server.stop('SIGTERM')
  try {
    await waitUntilReady(server, 30, () => answersPing(port))
  } catch (error) {
    await stop()
    throw error
  }
  return { address: { url: `tcp://127.0.0.1:${port}` }, port, socketPath: join(folder, 'clamd.sock'), stop }
}

function findClamd(): Promise<string | undefined> {
  // Debian installs it in a folder that is only in root's PATH.
  return findProgram('clamd', ['/usr/sbin'])
}

/** In two halves, so that scanners do not detect this file. */
export const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')

/**
 * A line of a signature database that detects files beginning with this text, of any type and inside archives and PDFs.
 */
export function signatureOf(name: string, beginning: string): string {
  return `${name}:0:0:${Buffer.from(beginning).toString('hex')}\n`
}

function clamdSettings(
  { folder, port }: { folder: string; port: number },
  others: Record<string, string> = {},
): string {
  const settings = {
    ...(process.getuid?.() === 0 ? { User: 'root' } : {}),
    DatabaseDirectory: `${folder}/db`,
    TemporaryDirectory: `${folder}/tmp`,
    OfficialDatabaseOnly: 'no',
    Foreground: 'yes',
    TCPAddr: '127.0.0.1',
    TCPSocket: String(port),
    LocalSocket: `${folder}/clamd.sock`,
    FixStaleSocket: 'yes',
    SelfCheck: '3600',
    MaxThreads: '8',
    StreamMaxLength: '1024M',
    MaxScanSize: '1024M',
    MaxFileSize: '1024M',
    MaxScanTime: '120000',
    AlertExceedsMax: 'yes',
    AlertEncrypted: 'no',
    ...others,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')
}

async function answersPing(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write('nPING\n')
  return (await text(socket)) === 'PONG\n'
}
