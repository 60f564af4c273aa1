import { readFile, rm, writeFile } from 'node:fs/promises'

/** Debian's packages ask this program whether they may start their servers. */
const path = '/usr/sbin/policy-rc.d'
const refusal = `#!/bin/sh
# Made by the tests of Paniq Documents while they install packages: they start their own servers. Safe to remove.
exit 101
`

/** Installs packages without starting their servers on this machine. */
export async function withholdDaemons<Result>(install: () => Promise<Result>): Promise<Result> {
  if (!(await isOurs())) return install()
  try {
    return await install()
  } finally {
    await rm(path, { force: true })
  }
}

/** An existing policy stays. One that a killed run of ours left is removed. */
async function isOurs(): Promise<boolean> {
  return writeFile(path, refusal, { flag: 'wx', mode: 0o755 }).then(
    () => true,
    async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      return (await readFile(path, 'utf8')) === refusal
    },
  )
}
