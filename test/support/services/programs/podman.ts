import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ensureInstalled, findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { runProgram } from '../packages/run-program.ts'

const programs = ['podman', 'crun', 'mmdebstrap']

export const podmanNeed: PackageNeed = {
  service: 'containers (podman)',
  packages: programs,
  aboutMegabytes: 45,
  variables: [],
  missing: async () => {
    const found = await Promise.all(programs.map((name) => findProgram(name)))
    return programs.filter((_, index) => found[index] === undefined)
  },
}

export type Podman = {
  /** The program with its own images and containers. */
  command: string
  run(words: string[], timeoutMs?: number): Promise<string>
  /** The folder with all its data. */
  folder: string
  /** Removes it with all its data. */
  remove(): Promise<void>
}

/** On some machines old and new control groups are mounted together, which crun rejects. */
const mixedGroups = '/sys/fs/cgroup/unified'

/** Debian's podman, installed if necessary, with its own storage below this folder. */
export async function openPodman(folder: string): Promise<Podman> {
  await ensureInstalled([podmanNeed])
  await mkdir(folder, { recursive: true })
  const command = join(folder, 'podman')
  await writeFile(command, scriptOf(folder))
  await chmod(command, 0o755)
  const run = async (words: string[], timeoutMs = 60_000) => (await runProgram(command, words, { timeoutMs })).trim()

  return {
    command,
    run,
    folder,
    async remove() {
      await run(['rm', '--all', '--force', '--volumes', '--time', '0'])
      await run(['rmi', '--all', '--force'])
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// Each call has its own mounts, so that none remains.
function scriptOf(folder: string): string {
  const isMixed = process.getuid?.() === 0 && existsSync(mixedGroups)
  const podman = `podman --root ${folder}/store --runroot ${folder}/run --runtime crun --cgroup-manager cgroupfs`
  return `#!/bin/sh
export PODMAN_IGNORE_CGROUPSV1_WARNING=1 DISABLE_HC_SYSTEMD=true
${isMixed ? `exec unshare --mount sh -c 'umount ${mixedGroups}; exec ${podman} "$@"' podman "$@"` : `exec ${podman} "$@"`}
`
}
