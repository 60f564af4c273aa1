import { dirname } from 'node:path/posix'

import { expect, test } from 'vitest'

import { findFolderCycles, findImports, findObjection, findRunImports, httpExceptions } from './layers.ts'
import { listCode } from './list-code.ts'

const files = await listCode(['src', 'web', 'test', 'bench'])
const imports = files.flatMap(({ path, content }) => findImports(path, content).map((to) => ({ from: path, to })))

test('every import follows the layers', () => {
  const objections = imports.flatMap(({ from, to }) => {
    const objection = findObjection(from, to)
    return objection ? [`${from} imports ${to}: ${objection}`] : []
  })

  expect(files.filter(({ path }) => path.startsWith('src/')).length).toBeGreaterThan(0)
  expect(objections).toEqual([])
})

test('no two folders import each other, nor a folder and its subfolder', () => {
  // This file has imports in a string.
  const real = imports.filter(({ from }) => from !== 'test/structure/layers.test.ts')
  const within = (top: string) => real.filter(({ from, to }) => [from, to].every((path) => path.startsWith(`${top}/`)))

  expect(findFolderCycles(within('src'))).toEqual([])
  expect(findFolderCycles(within('test'))).toEqual([])
  expect(findFolderCycles(within('bench'))).toEqual([])
})

const cyclesOf = (...pairs: [string, string][]) => findFolderCycles(pairs.map(([from, to]) => ({ from, to })))

test('a cycle is found between two subfolders, through a third one, and between a folder and its subfolder', () => {
  expect(cyclesOf(['src/a/x.ts', 'src/b/x.ts'], ['src/b/y.ts', 'src/a/y.ts'])).toEqual(['src: a → b', 'src: b → a'])
  expect(cyclesOf(['a/b/x.ts', 'a/c/x.ts'], ['a/c/y.ts', 'a/d/y.ts'], ['a/d/x.ts', 'a/b/x.ts'])).toHaveLength(3)
  expect(cyclesOf(['src/a/x.ts', 'src/a/b/x.ts'], ['src/a/b/y.ts', 'src/a/y.ts'])).toHaveLength(2)
  expect(cyclesOf(['src/a/b/c/x.ts', 'src/d/x.ts'], ['src/d/x.ts', 'src/a/e/x.ts'])).toHaveLength(2)
  expect(
    cyclesOf(['src/a/x.ts', 'src/a/b/x.ts'], ['src/a/b/y.ts', 'src/a/c/y.ts'], ['src/a/x.ts', 'src/a/y.ts']),
  ).toEqual([])
})

test('http imports database and storage only through use cases, except the listed files', () => {
  const run = files
    .filter(({ path }) => path.startsWith('src/http/') && !path.endsWith('.test.ts'))
    .flatMap(({ path, content }) => findRunImports(path, content).map((to) => `${path} → ${to}`))
    .filter((line) => / → src\/(database|storage)\//.test(line))
  const listed = httpExceptions.map(([from, to]) => `src/http/${from} → src/${to}`)

  expect(run.toSorted()).toEqual(listed.toSorted())
})

/** A numbered sequence, which no division into folders would make easier to read. */
const sequences = new Set(['src/database/schema/migrations'])

test('no folder of src or test has more than 15 files', () => {
  const counts = new Map<string, number>()
  const inFolders = files.filter(({ path }) => !sequences.has(dirname(path)))
  for (const { path } of inFolders) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)

  // Migrations run in the order of their names.
  counts.delete('src/database/schema/migrations')

  expect([...counts].filter(([, count]) => count > 15)).toEqual([])
})

test('the acceptance tests import nothing from src, also indirectly', () => {
  const importsOf = new Map(files.map(({ path, content }) => [path, findImports(path, content)]))

  const reached = new Set(files.map(({ path }) => path).filter((path) => path.startsWith('test/acceptance/')))
  // Iterating over a set includes items that are added meanwhile.
  for (const path of reached) for (const imported of importsOf.get(path) ?? []) reached.add(imported)

  expect([...reached].filter((path) => path.startsWith('src/'))).toEqual([])
})

test.each([
  ['src/database/documents/documents.ts', 'src/storage/s3/s3-store.ts'],
  ['src/storage/s3/s3-store.ts', 'src/database/blobs/reserve-upload.ts'],
  ['src/scanner/clamd.ts', 'src/storage/spool/spool.ts'],
  ['src/database/documents/documents.ts', 'src/documents/upload/upload.ts'],
  ['src/people/sessions/log-in.ts', 'src/documents/upload/upload.ts'],
  ['src/documents/upload/upload.ts', 'src/http/server.ts'],
  ['src/http/server.ts', 'src/cli/s3/test-s3.ts'],
  ['src/http/server.ts', 'src/app.ts'],
  ['src/app.ts', 'src/http/server.ts'],
  ['src/storage/s3/requests/s3-operation.ts', 'src/tracing/open-tracing.ts'],
  ['src/app.ts', 'src/worker/run-job.ts'],
  ['src/cli/program.ts', 'src/bin/cli.ts'],
  ['src/app.ts', 'src/cli/program.ts'],
  ['src/errors/app-error.ts', 'src/vocabulary/vocabulary.ts'],
  ['src/contract/documents.ts', 'src/database/connection/tables.ts'],
  ['src/contract/people.ts', 'src/vocabulary/vocabulary.ts'],
  ['src/text.ts', 'src/errors/app-error.ts'],
  ['src/helpers/text.ts', 'src/errors/app-error.ts'],
  ['src/documents/upload/upload.ts', 'src/helpers/text.ts'],
  ['src/documents/upload/upload.ts', 'test/support/files/make-files.ts'],
  ['web/list.tsx', 'src/vocabulary/vocabulary.ts'],
  ['web/list.tsx', 'src/http/requests/paging.ts'],
  ['test/acceptance/upload.test.ts', 'src/contract/documents.ts'],
])('%s may not import %s', (from, to) => {
  expect(findObjection(from, to)).toBeTypeOf('string')
})

test.each([
  ['src/database/documents/documents.ts', 'src/database/connection/client.ts'],
  ['src/database/documents/documents.ts', 'src/vocabulary/vocabulary.ts'],
  ['src/documents/upload/upload.ts', 'src/people/require-right.ts'],
  ['src/documents/upload/upload.ts', 'src/storage/file-store.ts'],
  ['src/documents/upload/upload.test.ts', 'test/support/files/make-files.ts'],
  ['src/http/routes/documents.ts', 'src/documents/upload/upload.ts'],
  ['src/contract/people.ts', 'src/contract/documents.ts'],
  ['src/app.ts', 'src/storage/s3/s3-store.ts'],
  ['src/bin/api.ts', 'src/app.ts'],
  ['src/bin/api.ts', 'src/http/server.ts'],
  ['web/list.tsx', 'src/contract/documents.ts'],
  ['web/list.tsx', 'src/contract/people.ts'],
  ['test/storage/contract/s3.test.ts', 'src/storage/s3/s3-store.ts'],
])('%s may import %s', (from, to) => {
  expect(findObjection(from, to)).toBeUndefined()
})

test('every form of import is found, except in comments', () => {
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
