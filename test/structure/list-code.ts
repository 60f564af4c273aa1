import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type CodeFile = { path: string; content: string }

const root = join(import.meta.dirname, '../..')
const endings = ['.ts', '.tsx', '.mjs', '.js', '.sql', '.sh']

/** All code files below these folders of the project, by their paths from the root. A folder may be missing. */
export async function listCode(folders: string[]): Promise<CodeFile[]> {
  const lists = await Promise.all(folders.map((folder) => listPaths(folder)))
  return Promise.all(lists.flat().map(async (path) => ({ path, content: await readFile(join(root, path), 'utf8') })))
}

async function listPaths(folder: string): Promise<string[]> {
  const names = await readdir(join(root, folder), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => endings.some((ending) => name.endsWith(ending)) && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`)
    .toSorted()
}
