import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findFreePorts } from '../packages/free-ports.ts'
import { ensureInstalled, type PackageNeed } from '../packages/install-packages.ts'
import { startProgram, waitUntilReady } from '../packages/run-program.ts'
import type { S3Address } from '../packages/service-addresses.ts'

// Only Debian's Python: another one in PATH has other modules.
const program = '/usr/bin/moto_server'
const modules = ['moto', 'flask_cors'].map((name) => `/usr/lib/python3/dist-packages/${name}/__init__.py`)

const motoNeed: PackageNeed = {
  service: 'a second S3 store (moto)',
  // Its package does not depend on the second one, without which its server does not start.
  packages: ['python3-moto', 'python3-flask-cors'],
  aboutMegabytes: 13,
  variables: [],
  async missing() {
    const found = await Promise.all([program, ...modules].map(isThere))
    return [program, ...modules].filter((_, index) => found[index] === false)
  },
}

export type RunningMoto = { s3: S3Address; stop: () => Promise<void> }

/**
 * Debian's moto, installed if necessary: a store in memory with the features that the gateway lacks (replication,
 * encryption, public-access block). It stores settings and implements few of them. It accepts any keys.
 */
export async function startMoto(): Promise<RunningMoto> {
  await ensureInstalled([motoNeed])
  const folder = await mkdtemp(join(tmpdir(), 'paniq-moto-'))
  const [port = 0] = await findFreePorts(1)
  const server = startProgram({
    name: 'moto',
    command: program,
    words: ['-H', '127.0.0.1', '-p', String(port)],
    logPath: join(folder, 'moto.log'),
  })
  const stop = async () => {
    await server.stop('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }
  const endpoint = `http://127.0.0.1:${port}`
  try {
    await waitUntilReady(server, 60, () => answers(endpoint))
  } catch (error) {
    await stop()
    throw error
  }
  const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'moto takes any' }
  return { s3: { endpoint, region: 'af-south-1', owner: keys, app: keys, bucketPrefix: 'documents' }, stop }
}

async function answers(endpoint: string): Promise<boolean> {
  const answer = await fetch(endpoint, { signal: AbortSignal.timeout(2000) })
  await answer.body?.cancel()
  return answer.ok
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
