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
  /** The program, with images and containers of its own. */
  command: string
  run(words: string[], timeoutMs?: number): Promise<string>
  /** Where it keeps everything. */
  folder: string
  /** With everything that it keeps. */
  remove(): Promise<void>
}

/** Old and new groups of processes mounted together, as some machines have them: crun refuses the mixture. */
const mixedGroups = '/sys/fs/cgroup/unified'

/** Debian's podman, installed first if need be, with a store of its own below this folder. */
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

// Each call has mounts of its own, so that none is left behind.
function scriptOf(folder: string): string {
  const isMixed = process.getuid?.() === 0 && existsSync(mixedGroups)
  const podman = `podman --root ${folder}/store --runroot ${folder}/run --runtime crun --cgroup-manager cgroupfs`
  return `#!/bin/sh
export PODMAN_IGNORE_CGROUPSV1_WARNING=1 DISABLE_HC_SYSTEMD=true
${isMixed ? `exec unshare --mount sh -c 'umount ${mixedGroups}; exec ${podman} "$@"' podman "$@"` : `exec ${podman} "$@"`}
`
}
