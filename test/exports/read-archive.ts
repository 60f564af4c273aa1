import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { ensureInstalled, findProgram } from '../support/services/packages/install-packages.ts'
import type { Person } from '../support/people/people.ts'

const run = promisify(execFile)
const python = '/usr/bin/python3'

/** Python and unzip, which read archives with their own code. */
export async function ensureReaders(): Promise<void> {
  await ensureInstalled([
    {
      service: 'readers of archives',
      packages: ['python3', 'unzip'],
      aboutMegabytes: 20,
      variables: [],
      missing: async () => {
        const programs = [await findProgram('unzip'), await findProgram('python3', ['/usr/bin'])]
        return programs.includes(undefined) ? ['unzip or python3'] : []
      },
    },
  ])
}

export type ArchivedEntry = { name: string; size: number; sha256: string; compressed: boolean }
export type ManifestRow = Record<string, string>
export type ReadArchive = { entries: ArchivedEntry[]; manifest: ManifestRow[] }

/** Reads every byte with Python's zipfile, which checks each CRC, and `manifest.csv` with its csv. `unzip -t` must accept it too. */
export async function readArchive(path: string): Promise<ReadArchive> {
  await run('unzip', ['-tqq', path], { maxBuffer: 1 << 26 })
  const { stdout } = await run(python, ['-c', script, path], {
    maxBuffer: 1 << 28,
    env: { PATH: process.env['PATH'], PYTHONIOENCODING: 'utf-8' },
  })
  return JSON.parse(stdout) as ReadArchive
}

const script = `
import csv, hashlib, io, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    entries = []
    for info in archive.infolist():
        digest = hashlib.sha256()
        with archive.open(info) as file:
            while part := file.read(1 << 20):
                digest.update(part)
        entries.append(dict(name=info.filename, size=info.file_size, sha256=digest.hexdigest(),
                            compressed=info.compress_type != zipfile.ZIP_STORED))
    manifest = list(csv.DictReader(io.StringIO(archive.read('manifest.csv').decode('utf-8'), newline='')))
print(json.dumps(dict(entries=entries, manifest=manifest)))
`

export function callArchive(
  url: string,
  firm: string,
  person: Person | undefined,
  query = '',
  init: RequestInit = {},
): Promise<Response> {
  return fetch(`${url}/api/v1/security-firms/${firm}/documents.zip${query}`, {
    ...init,
    headers: { ...person?.headers },
  })
}

/** Downloads and reads the archive of a firm. */
export async function archiveOf(url: string, firm: string, person: Person, query = ''): Promise<ReadArchive> {
  const answer = await callArchive(url, firm, person, query)
  if (answer.status !== 200) throw new Error(`no archive: ${answer.status} ${await answer.text()}`)
  return readArchiveBytes(Buffer.from(await answer.arrayBuffer()))
}

export async function readArchiveBytes(bytes: Buffer): Promise<ReadArchive> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-archive-'))
  try {
    const path = join(folder, 'documents.zip')
    await writeFile(path, bytes)
    return await readArchive(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
