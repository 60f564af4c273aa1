import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { ServiceFailure } from './service-failure.ts'
import { withholdDaemons } from './prevent-daemons.ts'

export type PackageNeed = {
  /** Its name for people. */
  service: string
  packages: string[]
  aboutMegabytes: number
  /** The variables that name a running service, so that none has to be installed. */
  variables: string[]
  /** Its missing programs. */
  missing: () => Promise<string[]>
  /** Steps before the package is unpacked. */
  prepare?: () => Promise<void>
}

/** Installs missing packages with apt, and prints that. If it may not, the error says who can, and how. */
export async function ensureInstalled(needs: PackageNeed[]): Promise<void> {
  const missing: (PackageNeed & { programs: string[] })[] = []
  for (const need of needs) {
    const programs = await need.missing()
    if (programs.length > 0) missing.push({ ...need, programs })
  }
  if (missing.length === 0) return

  if (!(process.getuid?.() === 0 && (await findProgram('apt-get')))) throw cannotInstall(missing)
  for (const need of missing) {
    console.error(`Installing ${need.packages.join(', ')} with apt, about ${need.aboutMegabytes} MB …`)
    await need.prepare?.()
    await withholdDaemons(() => install(need.packages))
    const still = await need.missing()
    if (still.length > 0)
      throw new ServiceFailure(`${need.service}: installed, and still missing: ${still.join(', ')}.`)
  }
}

/** The full path of a program in PATH or one of the other folders. */
export async function findProgram(name: string, otherFolders: string[] = []): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const folder of [...folders, ...otherFolders]) {
    const path = join(folder, name)
    if (await isExecutable(path)) return path
  }
  return undefined
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Makes `apt-get install` ask no question, and create no PostgreSQL cluster of its own. */
export async function keepClusterFromStarting(): Promise<void> {
  const path = '/etc/postgresql-common/createcluster.conf'
  await mkdir('/etc/postgresql-common', { recursive: true })
  // Existing settings stay.
  await writeFile(path, 'create_main_cluster = false\n', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

function cannotInstall(missing: (PackageNeed & { programs: string[] })[]): ServiceFailure {
  const packages = missing.flatMap((need) => need.packages).join(' ')
  const lines = missing.map(
    ({ service, programs, variables }) =>
      `  ${service} (missing: ${programs.join(', ')})${variables.length === 0 ? '' : `, or name a running one in ${variables.join(', ')}`}`,
  )
  return new ServiceFailure(
    [
      'The tests need services that are not installed, and only root can install them, with apt:',
      ...lines,
      'Run as root (Debian, Ubuntu): apt-get update && ' +
        `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages}`,
      'Without them: npm run test:quick',
    ].join('\n'),
  )
}

async function install(packages: string[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-apt-'))
  try {
    // Downloads go to a separate folder: images for containers empty the shared one after every apt.
    const archives = join(folder, 'archives')
    await mkdir(join(archives, 'partial'), { recursive: true })
    const log = join(folder, 'apt.log')
    const installed = await apt(['install', ...packages], archives, log)
    if (installed) return
    // On a new machine the package lists are missing.
    if ((await apt(['update'], archives, log)) && (await apt(['install', ...packages], archives, log))) return
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n')
    throw new ServiceFailure(`apt-get could not install ${packages.join(', ')}:\n${lines.slice(-15).join('\n')}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function apt(words: string[], archives: string, logPath: string): Promise<boolean> {
  const log = await open(logPath, 'a')
  const options = ['-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']
  const places = ['-o', `Dir::Cache::archives=${archives}`]
  const child = spawn('apt-get', [...options, ...places, ...words], {
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject).once('exit', (code) => resolve(code === 0))
    })
  } finally {
    await log.close()
  }
}
