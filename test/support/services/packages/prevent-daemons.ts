import { readFile, rm, writeFile } from 'node:fs/promises'

/** Debian's packages ask this program whether they may start the servers that they bring. */
const path = '/usr/sbin/policy-rc.d'
const refusal = `#!/bin/sh
# Made by the tests of Paniq Documents while they install packages: they start their own servers. Safe to remove.
exit 101
`

/** Installs without starting: nothing that a package brings begins to listen on this machine. */
export async function withholdDaemons<Result>(install: () => Promise<Result>): Promise<Result> {
  if (!(await isOurs())) return install()
  try {
    return await install()
  } finally {
    await rm(path, { force: true })
  }
}

/** Somebody's own policy stays as it is; one that a killed run of ours left is ours to remove. */
async function isOurs(): Promise<boolean> {
  return writeFile(path, refusal, { flag: 'wx', mode: 0o755 }).then(
    () => true,
    async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      return (await readFile(path, 'utf8')) === refusal
    },
  )
}
