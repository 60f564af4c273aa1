import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

import { ensureInstalled, findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { runProgram, startProgram, waitUntilReady } from '../packages/run-program.ts'
import { ServiceFailure } from '../packages/service-failure.ts'

export const nginxNeed: PackageNeed = {
  service: 'a reverse proxy (nginx)',
  packages: ['nginx'],
  aboutMegabytes: 2,
  variables: [],
  missing: async () => ((await findNginx()) ? [] : ['nginx']),
}

export type NginxOptions = {
  /** The folder of its settings, logs and temporary files. */
  folder: string
  /** The contents of its `http` block. */
  http: string
  /** The address on which it listens. */
  port: number
}

export type RunningNginx = {
  /** Reloads its settings like an operator: running requests end under the old ones. */
  reload: (http: string) => Promise<void>
  stop: () => Promise<void>
}

/** Debian's nginx with these settings, installed if necessary. A failure has nginx's own message about them. */
export async function startNginx({ folder, http, port }: NginxOptions): Promise<RunningNginx> {
  await ensureInstalled([nginxNeed])
  const command = await findNginx()
  if (!command) throw new ServiceFailure('nginx is not installed.')
  await mkdir(folder, { recursive: true })
  const settings = join(folder, 'nginx.conf')
  const words = ['-c', settings, '-e', join(folder, 'error.log')]
  const take = async (text: string) => {
    await writeFile(settings, wholeSettings(folder, text))
    await runProgram(command, [...words, '-q', '-t'])
  }
  await take(http)
  const server = startProgram({ name: 'nginx', command, words, logPath: join(folder, 'nginx.out') })
  const stop = () => server.stop('SIGTERM')
  try {
    await waitUntilReady(server, 30, () => isListening(port))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    stop,
    async reload(text) {
      await take(text)
      await runProgram(command, [...words, '-s', 'reload'])
    },
  }
}

function findNginx(): Promise<string | undefined> {
  // Debian installs it in a folder that is only in root's PATH.
  return findProgram('nginx', ['/usr/sbin'])
}

function wholeSettings(folder: string, http: string): string {
  // Its workers must be able to enter this folder, which only this test uses.
  const account = process.getuid?.() === 0 ? 'user root;\n' : ''
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${account}daemon off;
worker_processes 2;
pid ${folder}/nginx.pid;
events { worker_connections 4096; }
http {
access_log ${folder}/access.log;
${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
${http}
}
`
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
  } finally {
    socket.destroy()
  }
}
