import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { onTestFinished } from 'vitest'

import { readBlocks } from '../readme/read-blocks.ts'
import { ensureInstalled, findProgram, type PackageNeed } from '../support/services/packages/install-packages.ts'
import { runProgram } from '../support/services/packages/run-program.ts'
import { ServiceFailure } from '../support/services/packages/service-failure.ts'

export const systemdNeed: PackageNeed = {
  service: 'a service manager (systemd)',
  packages: ['systemd', 'dbus'],
  aboutMegabytes: 15,
  variables: [],
  missing: async () => {
    const programs = ['systemd-analyze', 'systemd-sysusers', 'dbus-daemon']
    const found = await Promise.all(programs.map((name) => findProgram(name)))
    return programs.filter((_, index) => found[index] === undefined)
  },
}

export type Booted = {
  /** Runs `systemctl` in it. */
  control(...words: string[]): Promise<string>
  /** Runs any program in it, with its disk and processes. */
  run(...words: string[]): Promise<string>
  /** The output of the units so far. */
  log(): Promise<string>
}

const root = join(import.meta.dirname, '../..')

/**
 * Boots a separate systemd until the test ends, with the service installed by the commands of the page. `files`: the
 * contents of /etc/paniq-documents.
 */
export async function bootSystemd(files: Record<string, Record<string, string>>): Promise<Booted> {
  if (process.getuid?.() !== 0)
    throw new ServiceFailure('Only root can boot a systemd to start the units in. Run this test as root.')
  await ensureInstalled([systemdNeed])
  const folder = await mkdtemp(join(tmpdir(), 'paniq-systemd-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const log = join(folder, 'log')
  await writeFile(log, '')
  const pid = await bootIn(join(folder, 'disk'), log)
  const run = async (...words: string[]) =>
    runProgram('nsenter', ['--target', String(pid), '--mount', '--pid', '--cgroup', ...words], { timeoutMs: 120_000 })
  await untilItAnswers(run)
  await run('sh', '-euc', `cd ${root}\n${await installation()}`)
  for (const [name, settings] of Object.entries(files)) {
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`)
    await writeFile(join(folder, name), lines.join(''), { mode: 0o600 })
    await run('install', '-m', '600', '-t', '/etc/paniq-documents', join(folder, name))
  }

  return {
    control: async (...words) => (await run('systemctl', '--no-pager', ...words)).trim(),
    run,
    log: () => readFile(log, 'utf8'),
  }
}

/** Links the installed packages instead of running npm. */
async function installation(): Promise<string> {
  const blocks = await readBlocks(join(root, 'deploy/README.md'))
  const lines = blocks.find(({ heading, language }) => heading === 'systemd' && language === 'sh')?.text ?? ''
  const packages = await realpath(join(root, 'node_modules'))
  const laid = lines.replace('npm ci --omit=dev', `mkdir node_modules && mount --bind ${packages} node_modules`)
  if (laid === lines) throw new Error('the page on deploying no longer says how packages are installed')
  return laid
}

/** Returns the process id of its process 1 on this machine. */
async function bootIn(folder: string, log: string): Promise<number> {
  await mkdir(folder)
  const group = await makeGroup()
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--cgroup']
  const script = join(import.meta.dirname, 'boot-systemd.sh')
  // The process must be in its control group before its namespace of groups is created, which begins there.
  const line = `echo 0 > ${group}/cgroup.procs && exec unshare ${namespaces.join(' ')} ${script} "$@"`
  const child = spawn('sh', ['-c', line, 'sh', folder, log], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await removeGroup(group)
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(`systemd did not start: ${complaints}`)
    const [first] = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).split(' ')
    const isSystemd = first !== '' && (await readFile(`/proc/${first}/comm`, 'utf8').catch(() => '')) === 'systemd\n'
    if (isSystemd) return Number(first)
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
}

async function untilItAnswers(run: Booted['run']): Promise<void> {
  const giveUpAt = Date.now() + 120_000
  for (;;) {
    try {
      await run('systemctl', 'is-active', '--quiet', 'multi-user.target')
      return
    } catch (error) {
      if (Date.now() > giveUpAt) throw error
      await new Promise((resolve) => void setTimeout(resolve, 50))
    }
  }
}

/** A control group that its systemd treats as the whole machine's. */
async function makeGroup(): Promise<string> {
  const mixed = '/sys/fs/cgroup/unified'
  const group = join(existsSync(mixed) ? mixed : '/sys/fs/cgroup', `paniq-test-${process.pid}-${Date.now()}`)
  await mkdir(group)
  return group
}

/** From the leaves up. A group can be removed after its last process. */
async function removeGroup(group: string): Promise<void> {
  for (const entry of await readdir(group, { withFileTypes: true }))
    if (entry.isDirectory()) await removeGroup(join(group, entry.name))
  for (let tries = 0; ; tries += 1) {
    try {
      return await rmdir(group)
    } catch (error) {
      if (tries > 100) throw error
      await new Promise((resolve) => void setTimeout(resolve, 20))
    }
  }
}
