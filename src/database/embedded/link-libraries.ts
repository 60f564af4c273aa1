import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { hasCode } from '../../errors-code.ts'
import { isThere } from './is-there.ts'

type Link = { source: string; target: string }

/**
 * Makes the links between library names that the package's install script would have made (we install without
 * scripts): beside the libraries, or in `spareFolder` where the packages are read-only. Answers the search path that
 * the loader needs in the latter case: a library found through a link looks beside the link for others.
 */
export async function linkLibraries(programs: string, spareFolder: string): Promise<string | undefined> {
  const links = await listLinks(programs)
  const lib = join(programs, 'lib')
  try {
    for (const { source, target } of links) await link(basename(source), join(lib, basename(target)))
    return undefined
  } catch (error) {
    if (!isReadOnly(error)) throw error
  }

  // Made anew each time: the packages may have moved since.
  await rm(spareFolder, { recursive: true, force: true })
  await mkdir(spareFolder, { mode: 0o755 })
  for (const { source, target } of links) await link(join(lib, basename(source)), join(spareFolder, basename(target)))
  return `${spareFolder}:${lib}`
}

async function listLinks(programs: string): Promise<Link[]> {
  // Written by the package's publisher; only the last part of each path is used, so it can name nothing outside lib.
  return JSON.parse(await readFile(join(programs, 'pg-symlinks.json'), 'utf8')) as Link[]
}

async function link(to: string, at: string): Promise<void> {
  if (await isThere(at)) return
  try {
    await symlink(to, at)
  } catch (error) {
    // Another process of ours was faster.
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

function isReadOnly(error: unknown): boolean {
  return hasCode(error, 'EACCES', 'EROFS', 'EPERM')
}
