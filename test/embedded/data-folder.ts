import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { onTestFinished } from 'vitest'

/**
 * A new folder that others may pass through. At the end of the test the server in its `data` is stopped and the folder
 * removed.
 */
export async function makeFolder(mode = 0o755): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-embedded-'))
  await chmod(folder, mode)
  onTestFinished(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

  return folder
}

/** The folder of a test's embedded database, which is still empty. */
export async function nameDataDir(...below: string[]): Promise<string> {
  const dataDir = join(await makeFolder(), ...below, 'data')
  onTestFinished(async () => stopAnyServer(dataDir))
  return dataDir
}

export async function stopAnyServer(dataDir: string): Promise<void> {
  const pid = serverPid(dataDir)
  if (pid === undefined) return
  process.kill(pid, 'SIGINT')
  await until(() => serverPid(dataDir) !== pid)
}

/** The process id of the server that runs on this folder. */
export function serverPid(dataDir: string): number | undefined {
  const pid = Number.parseInt(readIfThere(join(dataDir, 'postgresql', 'postmaster.pid')), 10)
  return pid > 1 && existsSync(`/proc/${pid}/cwd`) ? pid : undefined
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Waits for a condition, limited only by the test's own timeout. */
export async function until(seen: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await seen())) await sleep(2)
}
