import { cp, lstat, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { findPrograms } from '../../src/database/embedded/programs.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

export type Copy = { program: string; node: string; programs: string }

/**
 * Copies the files that the embedded database needs, including Node, as `npm ci` leaves them: without library links.
 */
export async function copyCheckout(to: string): Promise<Copy> {
  const names = ['package.json', 'src', 'test/embedded']
  for (const name of names) await cp(join(checkout, name), join(to, name), { recursive: true })
  for (const folder of await listPackages(['pg', 'pino', 'zod'])) await copyPackage(folder, to)
  const programs = findPrograms().folder
  await copyPackage(dirname(programs), to)

  const node = join(to, 'node')
  await cp(process.execPath, node)
  return {
    program: join(to, 'test/embedded/open-and-wait.ts'),
    node,
    programs: join(to, programs.slice(checkout.length)),
  }
}

async function copyPackage(folder: string, to: string): Promise<void> {
  const target = join(to, folder.slice(checkout.length))
  await mkdir(dirname(target), { recursive: true })
  await cp(folder, target, { recursive: true, filter: async (path) => !(await lstat(path)).isSymbolicLink() })
}

/** The folders of these packages and of all their dependencies. */
async function listPackages(names: string[], from = checkout, found = new Set<string>()): Promise<Set<string>> {
  for (const name of names) {
    const folder = await findPackage(name, from)
    if (folder === undefined || found.has(folder)) continue
    found.add(folder)
    // npm has read it as a manifest before.
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
    await listPackages(Object.keys(manifest.dependencies ?? {}), folder, found)
  }
  return found
}

type Manifest = { dependencies?: Record<string, string> }

async function findPackage(name: string, from: string): Promise<string | undefined> {
  const places = createRequire(join(from, 'package.json')).resolve.paths(name) ?? []
  for (const place of places) {
    const folder = join(place, name)
    if (await isPackage(folder)) return folder
  }
  return undefined
}

async function isPackage(folder: string): Promise<boolean> {
  try {
    await readFile(join(folder, 'package.json'))
    return true
  } catch {
    return false
  }
}
