import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

export type PageFile = { type: string; bytes: Buffer; gzip: Buffer | undefined; brotli: Buffer | undefined }
/** By the path below the folder, such as `assets/main-B2x.js`. */
export type PageFiles = ReadonlyMap<string, PageFile>

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Reads the built page into memory, about 1 MB, so that a running service does not depend on a folder that is rebuilt. */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const names = new Set(await readdir(folder, { recursive: true }))
  const read = (name: string) => (names.has(name) ? readFile(join(folder, name)) : undefined)
  const files = new Map<string, PageFile>()
  for (const name of names) {
    const type = types[extname(name)]
    const bytes = type === undefined ? undefined : await read(name)
    if (type === undefined || bytes === undefined) continue
    files.set(name, { type, bytes, gzip: await read(`${name}.gz`), brotli: await read(`${name}.br`) })
  }
  if (!files.has('index.html')) throw new Error(`${folder} has no index.html`)
  return files
}

/** The smallest form that the client accepts. */
export function chooseEncoding(
  file: PageFile,
  accepted: string | undefined,
): { bytes: Buffer; encoding: 'br' | 'gzip' | undefined } {
  const wanted = (accepted ?? '').split(',').filter((each) => !/;\s*q=0(\.0*)?\s*$/.test(each))
  const names = new Set(wanted.map((each) => (each.split(';')[0] ?? '').trim().toLowerCase()))
  if (file.brotli !== undefined && names.has('br')) return { bytes: file.brotli, encoding: 'br' }
  if (file.gzip !== undefined && names.has('gzip')) return { bytes: file.gzip, encoding: 'gzip' }
  return { bytes: file.bytes, encoding: undefined }
}
