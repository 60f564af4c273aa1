import { readFile } from 'node:fs/promises'

import { ConfigError } from '../config-error.ts'

const files = ['sslrootcert', 'sslcert', 'sslkey']

/**
 * A database's address as the driver is to have it. Throws a `ConfigError` that names the setting where a file that
 * the address names cannot be read: the driver's own complaint tells neither.
 */
export async function driverAddress(setting: string, url: string): Promise<string> {
  const given = new URL(url).searchParams
  for (const name of files) {
    const path = given.get(name)
    if (path !== null && path !== '') await assertReadable(path, `${setting}: the ${name} in it`)
  }
  // The driver takes the others for this one, but warns in eight lines that a later version of it will ask for less.
  return given.has('uselibpqcompat')
    ? url
    : url.replace(/(?<=[?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, 'verify-full')
}

async function assertReadable(path: string, what: string): Promise<void> {
  await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `${what}, ${JSON.stringify(path)}, cannot be read (${error.code}); correct the path, or let this user read it.`,
      { cause: error },
    )
  })
}
