import { expect, test } from 'vitest'

import { findImports, findObjection } from './layers.ts'
import { listCode } from './list-code.ts'

test('every import goes the way the drawing says', async () => {
  const files = await listCode(['src', 'web', 'test', 'bench'])
  const objections = files.flatMap(({ path, content }) =>
    findImports(path, content).flatMap((imported) => {
      const objection = findObjection(path, imported)
      return objection ? [`${path} imports ${imported}: ${objection}`] : []
    }),
  )

  expect(files.filter(({ path }) => path.startsWith('src/')).length).toBeGreaterThan(0)
  expect(objections).toEqual([])
})

test('the acceptance tests reach nothing of src, also not through a file that they share with other tests', async () => {
  const files = await listCode(['src', 'test'])
  const importsOf = new Map(files.map(({ path, content }) => [path, findImports(path, content)]))

  const reached = new Set(files.map(({ path }) => path).filter((path) => path.startsWith('test/acceptance/')))
  // A set goes on to what is added while it is walked.
  for (const path of reached) for (const imported of importsOf.get(path) ?? []) reached.add(imported)

  expect([...reached].filter((path) => path.startsWith('src/'))).toEqual([])
})

test.each([
  ['src/database/documents.ts', 'src/storage/s3-store.ts'],
  ['src/storage/s3-store.ts', 'src/database/uploads.ts'],
  ['src/scanner/clamd.ts', 'src/storage/spool.ts'],
  ['src/database/documents.ts', 'src/documents/upload.ts'],
  ['src/people/sessions.ts', 'src/documents/upload.ts'],
  ['src/documents/upload.ts', 'src/http/server.ts'],
  ['src/http/server.ts', 'src/cli/s3-test.ts'],
  ['src/http/server.ts', 'src/app.ts'],
  ['src/app.ts', 'src/http/server.ts'],
  ['src/storage/s3-operation.ts', 'src/tracing/open-tracing.ts'],
  ['src/app.ts', 'src/worker/run-jobs.ts'],
  ['src/cli/serve.ts', 'src/bin/cli.ts'],
  ['src/errors.ts', 'src/vocabulary.ts'],
  ['src/contract.ts', 'src/database/tables.ts'],
  ['src/contract-people.ts', 'src/vocabulary.ts'],
  ['src/helpers/text.ts', 'src/errors.ts'],
  ['src/documents/upload.ts', 'src/helpers/text.ts'],
  ['src/documents/upload.ts', 'test/support/make-files.ts'],
  ['web/list.tsx', 'src/vocabulary.ts'],
  ['web/list.tsx', 'src/http/paging.ts'],
  ['test/acceptance/upload.test.ts', 'src/contract.ts'],
])('%s may not import %s', (from, to) => {
  expect(findObjection(from, to)).toBeTypeOf('string')
})

test.each([
  ['src/database/documents.ts', 'src/database/client.ts'],
  ['src/database/documents.ts', 'src/vocabulary.ts'],
  ['src/documents/upload.ts', 'src/people/require-right.ts'],
  ['src/documents/upload.ts', 'src/storage/file-store.ts'],
  ['src/documents/upload.test.ts', 'test/support/make-files.ts'],
  ['src/http/routes/documents.ts', 'src/documents/upload.ts'],
  ['src/contract-people.ts', 'src/contract.ts'],
  ['src/app.ts', 'src/storage/s3-store.ts'],
  ['src/bin/api.ts', 'src/app.ts'],
  ['src/bin/api.ts', 'src/http/server.ts'],
  ['web/list.tsx', 'src/contract.ts'],
  ['test/contract/s3.test.ts', 'src/storage/s3-store.ts'],
])('%s may import %s', (from, to) => {
  expect(findObjection(from, to)).toBeUndefined()
})

test('every way to write an import is seen, and a comment is none', () => {
  const content = `
import { a } from './a.ts'
import type { B } from "../people/b.ts"
import {
  c,
} from './c.ts'
import './d.ts'
export * from './e.ts'
const f = await import('./f.ts')
import { readFile } from 'node:fs/promises'
// import { g } from './g.ts'
/** Not from './h.ts'. */
`
  expect(findImports('src/documents/x.ts', content)).toEqual([
    'src/documents/a.ts',
    'src/people/b.ts',
    'src/documents/c.ts',
    'src/documents/d.ts',
    'src/documents/e.ts',
    'src/documents/f.ts',
  ])
})
