import { readdirSync, statSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const pages = (
  await Array.fromAsync(glob(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/**/*.md'], { cwd: root }))
).toSorted()

/** Looks like a file of the project and is none: a key of the bucket, a folder that is still to come. */
const noFiles = new Set(['test/connection_test.txt', 'http/json', 'http/protobuf'])

/** Backticked words that can only be a file or a folder: a path, but of the web or of a setting's folder, or a name of code. */
function namedIn(page: string): string[] {
  const words = [...page.matchAll(/`([^`\s]+)`/g)].map(([, word = '']) => word)
  return words.filter((word) => isPath(word) || /^[\w.-]+\.ts$/.test(word))
}

function isPath(word: string): boolean {
  const isOfTheWeb = /^(application|multipart|text|image)\//.test(word)
  return /^[a-z.][\w.-]*\/[\w./-]*$/.test(word) && !word.startsWith('./') && !isOfTheWeb
}

/** A folder without files is none: it is not in the repository. */
function isThere(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && (!stat.isDirectory() || readdirSync(path).length > 0)
}

const named = await Promise.all(
  pages.map(async (page) => ({ page, files: namedIn(await readFile(join(root, page), 'utf8')) })),
)

test('every file that a page names is there: below src, the root or beside the page', () => {
  const missing = named.flatMap(({ page, files }) =>
    files
      .filter((file) => !noFiles.has(file))
      .filter((file) => !['src', '.', dirname(page)].some((folder) => isThere(join(root, folder, file))))
      .map((file) => `${page}: ${file}`),
  )

  expect(named.flatMap(({ files }) => files).length).toBeGreaterThan(30)
  expect(missing).toEqual([])
})

test('what is said to be no file is named, and is none', () => {
  const all = new Set(named.flatMap(({ files }) => files))

  expect([...noFiles].filter((file) => !all.has(file) || isThere(join(root, 'src', file)))).toEqual([])
})

test('a name of code, a path and a folder are told from addresses, media types and settings', () => {
  const page =
    '`people/rights.ts` `keep.ts` `database/` `/api/v1` `application/json` `./uploads` `DATA_DIR/x` `a b/c.ts` `GET /x`'

  expect(namedIn(page)).toEqual(['people/rights.ts', 'keep.ts', 'database/'])
})
