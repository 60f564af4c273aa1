import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

type Service = {
  settings: Record<string, string>
  folder: string
  onReady: (origin: string, log: string) => void
}

/** Runs the service until the signal. Returns its exit status; prints the end of its log if it failed. */
export async function serveUntil(signal: AbortSignal, { settings, folder, onReady }: Service): Promise<number> {
  const log = join(folder, 'service.log')
  await using file = await open(log, 'a')
  signal.throwIfAborted()
  const program = join(import.meta.dirname, '../bin/paniq-docs')
  const service = spawn(program, ['serve'], { env: settings, cwd: folder, stdio: ['ignore', file.fd, file.fd] })
  signal.addEventListener('abort', () => service.kill('SIGTERM'))
  const ended = new AbortController()
  const exit = once(service, 'exit').finally(() => ended.abort())

  const origin = `http://localhost:${settings['PORT']}`
  if (await isServed(origin, ended.signal)) onReady(origin, log)
  await exit
  const status = service.exitCode ?? 1
  if (status !== 0) process.stderr.write(`The service failed. The end of its log:\n${await readEnd(log)}\n`)
  return status
}

/** Waits until the page is served, which is built at the first start, in some seconds. False: the service ended. */
async function isServed(origin: string, ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    const response = await fetch(origin, { signal: ended }).catch(() => undefined)
    if (response?.ok === true) return true
    await sleep(200, undefined, { signal: ended }).catch(() => undefined)
  }
  return false
}

async function readEnd(log: string): Promise<string> {
  return (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-5).join('\n')
}
