import { readdirSync, statSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const paths = await Array.fromAsync(
  glob(['*.md', 'docs/**/*.md', '{bench,deploy,examples,test}/**/README.md'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  }),
)
const pages = await Promise.all(
  paths.toSorted().map(async (page) => ({ page, text: await readFile(join(root, page), 'utf8') })),
)

/** Not files of the project: an object of the bucket, values of a setting, and a file of a running service. */
const otherPaths = new Set(['test/connection_test.txt', 'http/json', 'http/protobuf', 'data/initial-admin-password'])

/** Words in backticks that can only be a file or a folder of the project. */
function namedIn(text: string): string[] {
  const words = [...text.matchAll(/`([^`\s]+)`/g)].map(([, word = '']) => word)
  return words.filter((word) => isPath(word) || /^[\w.-]+\.ts$/.test(word))
}

function isPath(word: string): boolean {
  const isMediaType = /^(application|multipart|text|image)\//.test(word)
  return /^[a-z.][\w.-]*\/[\w./-]*$/.test(word) && !word.startsWith('./') && !isMediaType
}

/** An empty folder does not count, because the repository does not contain it. */
function exists(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && (!stat.isDirectory() || readdirSync(path).length > 0)
}

test('every file that ARCHITECTURE, CONTRIBUTING or a page of docs names exists', () => {
  const checked = pages.filter(({ page }) => /^(README|ARCHITECTURE|CONTRIBUTING)\.md$|^docs\//.test(page))
  const named = checked.flatMap(({ page, text }) => namedIn(text).map((file) => ({ page, file })))
  const missing = named
    .filter(({ file }) => !otherPaths.has(file))
    .filter(({ page, file }) => !['src', '.', dirname(page)].some((folder) => exists(join(root, folder, file))))

  expect(named.length).toBeGreaterThan(30)
  expect(missing).toEqual([])
})

test('every link of a page leads to an existing file and heading', () => {
  const anchors = new Map(pages.map(({ page, text }) => [page, anchorsOf(text)]))
  const links = pages.flatMap(({ page, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, to = '']) => ({ page, to }))
      .filter(({ to }) => !/^https?:/.test(to)),
  )
  const broken = links.filter(({ page, to }) => {
    const [path = '', anchor] = to.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!exists(join(root, target))) return true
    return anchor !== undefined && anchors.get(target)?.has(anchor) !== true
  })

  expect(links.length).toBeGreaterThan(200)
  expect(broken).toEqual([])
})

/** The anchors that GitHub creates for headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/^#+ (.+)$/gm)]
  return new Set(
    headings.map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('names of code, paths and folders are recognized; addresses, media types and settings are not', () => {
  const page =
    '`people/rights.ts` `keep.ts` `database/` `/api/v1` `application/json` `./uploads` `DATA_DIR/x` `a b/c.ts` `GET /x`'

  expect(namedIn(page)).toEqual(['people/rights.ts', 'keep.ts', 'database/'])
})
