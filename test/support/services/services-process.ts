// A separate process that starts services and ends them when its parent is gone for any reason: done, crashed, killed,
// Ctrl-C. The system then closes the channel between the two.
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import type { KeeperAnswer } from './run-services.ts'
import type { ServiceName } from './packages/service-addresses.ts'
import { ServiceFailure } from './packages/service-failure.ts'
import { startOf } from './start-service.ts'

// Only keepServices starts this file, with names of services as arguments.
const names = process.argv.slice(2) as ServiceName[]
const folder = await makeFolder()
const starts = names.map((name) => startOf[name](join(folder, name)))

let ending: Promise<void> | undefined
const end = () => void (ending ??= stopAll())
process.once('disconnect', end)
// Ctrl-C does not reach it, since it has its own session. These signals are for direct use.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)

try {
  const started = await Promise.all(starts)
  answer({ addresses: Object.fromEntries(started.map(({ address }, index) => [names[index], address])) })
} catch (error) {
  answer({ failure: describe(error) })
  end()
}

function answer(message: KeeperAnswer): void {
  if (process.connected) process.send?.(message)
}

async function stopAll(): Promise<void> {
  // Waits for a service that is still starting: only then is it known what to stop.
  for (const start of await Promise.allSettled(starts)) {
    if (start.status === 'fulfilled') await start.value.stop()
  }
  await rm(folder, { recursive: true, force: true })
  process.exit()
}

function describe(error: unknown): string {
  if (error instanceof ServiceFailure) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

async function makeFolder(): Promise<string> {
  if (process.getuid?.() !== 0) return mkdtemp(join(tmpdir(), 'paniq-services-'))
  // PostgreSQL runs as another user, who must be able to enter the folders above its data.
  const roots = [tmpdir(), '/tmp', '/var/tmp']
  const open = await Promise.all(roots.map(isOpenToAll))
  const root = roots.find((_, index) => open[index])
  if (!root) throw new ServiceFailure(`None of ${roots.join(', ')} is a folder that every account may enter.`)
  const made = await mkdtemp(join(root, 'paniq-services-'))
  await chmod(made, 0o711)
  return made
}

async function isOpenToAll(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isDirectory() || !(found.mode & 0o001)) return false
  return dirname(path) === path || isOpenToAll(dirname(path))
}
