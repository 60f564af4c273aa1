import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Podman } from '../support/services/programs/podman.ts'

const run = promisify(execFile)
export const root = join(import.meta.dirname, '../..')
const certificates = '/etc/ssl/certs'

/** Builds the image of this checkout from packages of Debian and npm only; returns its name. */
export async function buildImage(podman: Podman, folder: string): Promise<string> {
  await run(join(root, 'deploy/container/make-images.sh'), {
    cwd: root,
    env: { ...process.env, PODMAN: podman.command },
    timeout: 300_000,
  })
  const name = 'localhost/paniq-documents'
  const registry = join(folder, 'npmrc')
  await writeFile(registry, await settingsOfNpm(), { mode: 0o600 })
  const words = [
    `build --file deploy/container/Containerfile --tag ${name}`,
    '--build-arg BUILDER=localhost/paniq-builder --build-arg BASE=localhost/paniq-base',
    // Only Docker's image format has a health check.
    '--format docker',
    // Uses npm as configured on this machine.
    `--secret id=npmrc,src=${registry} --volume ${certificates}:${certificates}:ro`,
    // The options that need the fewest permissions. The limit is below that of usual machines, since even root may not
    // be allowed to raise it.
    '--isolation chroot --network host --layers=false --ulimit nofile=4096:4096 --ulimit nproc=4096:4096',
  ]
  await podman.run([...words.flatMap((line) => line.split(' ')), '--', root], 300_000)
  return name
}

async function settingsOfNpm(): Promise<string> {
  const { stdout } = await run('npm', ['config', 'get', 'registry'])
  const certificate = process.env['NODE_EXTRA_CA_CERTS']
  const lines = [`registry=${stdout.trim()}`, ...(certificate === undefined ? [] : [`cafile=${certificate}`])]
  return `${lines.join('\n')}\n`
}
