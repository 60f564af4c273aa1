import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startProgram } from '../../bench/load/start-program.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { startNginx } from '../support/services/programs/nginx.ts'
import { nginxOfTheDocs } from '../with-platform/nginx-of-the-docs.ts'
import { measureRate } from './send-steadily.ts'

/**
 * The number of uploads a second that nginx with the page's lines forwards to servers that discard them, on this
 * machine.
 */
export async function measureBarePipe(load: { bytes: number; atOnce: number; seconds: number }): Promise<number> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'paniq-bare-pipe-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const [port = 0, ...ports] = await findFreePorts(3)
  for (const each of ports) {
    const program = await startProgram({
      command: process.execPath,
      words: [join(import.meta.dirname, 'bare-pipe.ts')],
      env: { PORT: String(each) },
      folder,
      logFile: join(folder, 'log'),
      signal: new AbortController().signal,
    })
    opened.defer(() => program.stop())
  }
  const upstreams = ports.map((each) => `127.0.0.1:${each}`)
  const { http, server } = await nginxOfTheDocs({ folder: join(folder, 'nginx'), upstreams })
  const lines = `${http}\nserver { listen 127.0.0.1:${port}; ${server} }`
  const nginx = await startNginx({ folder: join(folder, 'nginx'), port, http: lines })
  opened.defer(() => nginx.stop())
  return await measureRate({ url: `http://127.0.0.1:${port}/api/v1/security-firms/none/documents`, headers: {} }, load)
}
