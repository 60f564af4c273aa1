import { dirname, join } from 'node:path/posix'

/** Pure functions, which the page needs to offer the same last day as the service. */
const daysOfContract = 'src/vocabulary/days.ts'

const words = ['errors', 'files', 'vocabulary', 'config', 'contract', 'logging', 'metrics']
const stored = ['database', 'storage', 'scanner', ...words]
const useCases = ['documents', 'people', 'webhooks', 'audit', 'operations', 'mail', ...stored]

/**
 * The layers of ARCHITECTURE.md as a table: the rooms that each room of src may import besides itself. A room is a
 * folder of src, or `app.ts`, the only file at its top.
 */
const mayImport: Record<string, string[]> = {
  ...Object.fromEntries(words.map((word) => [word, []])),
  files: ['errors'],
  config: ['errors'],
  database: words,
  storage: words,
  scanner: words,
  // It exports spans. The other rooms know only logging/spans.ts.
  tracing: words,
  mail: stored,
  people: ['mail', ...stored],
  // Their events come from the audit trail, so that no other use case knows them.
  webhooks: ['people', 'mail', ...stored],
  audit: stored,
  // `people` decides the rights of a person on documents, and knows no documents.
  documents: ['people', 'mail', ...stored],
  // The state of the whole service: it reads documents, their work and the trail, and none of them imports it.
  operations: ['documents', 'people', 'audit', 'mail', ...stored],
  // It reads documents as a system task, and knows no person.
  backup: ['documents', ...stored],
  app: ['tracing', ...useCases],
  http: useCases,
  worker: useCases,
  // A command opens the app that it needs.
  cli: ['app', 'backup', ...useCases],
  bin: ['app', 'http', 'worker', 'cli', 'backup', ...useCases],
}

/** The imports of http from database and storage without a use case: file, target and reason. Types are allowed. */
export const httpExceptions: [importer: string, imported: string, reason: string][] = [
  [
    'errors/database-fault-answers.ts',
    'database/connection/postgres-errors.ts',
    'turns any database failure into an answer',
  ],
  ['rate-limits/limit-rates.ts', 'database/people/rate-limits.ts', 'a rate limit comes before every use case'],
  ['rate-limits/limit-rates.ts', 'database/passwords/login-failures.ts', 'hashes an address, reads no row'],
  ['rate-limits/lease-rate-limits.ts', 'storage/streams/read-spooled-file.ts', 'races a lease against a signal'],
  ['presenters/send-file.ts', 'storage/links/content-disposition.ts', 'formats the header as links to S3 do'],
  ['routes/firms.ts', 'database/people/quota-usage.ts', 'a value for a firm without documents, no query'],
]

/** The reason why `from` may not import `to`, both as paths from the project's root; undefined if it may. */
export function findObjection(from: string, to: string): string | undefined {
  const isOfSrc = isInside('src', to)
  if (isInside('src', from)) return isOfSrc ? objectionWithinSrc(from, to) : objectionOutOfSrc(from, to)
  if (!isOfSrc) return undefined
  if (isInside('web', from) && !isInside('src/contract', to) && to !== daysOfContract)
    return 'web may import src/contract/ alone'
  if (isInside('test/acceptance', from)) return 'acceptance knows only HTTP'
  return undefined
}

function objectionWithinSrc(from: string, to: string): string | undefined {
  const [importer, imported] = [roomOf(from), roomOf(to)]
  const allowed = mayImport[importer]
  if (!allowed) return `src/${importer} has no place in the drawing`
  if (imported === importer || allowed.includes(imported)) return undefined
  return `${importer} may not import ${imported}`
}

function objectionOutOfSrc(from: string, to: string): string | undefined {
  if (from.endsWith('.test.ts') && isInside('test/support', to)) return undefined
  const isOurCode = ['test', 'bench', 'web', 'deploy'].some((folder) => isInside(folder, to))
  return isOurCode ? 'src imports nothing from outside of src' : undefined
}

/** `database` for `src/database/people/firms.ts`, `app` for `src/app.ts`. Other files at the top have no room. */
function roomOf(path: string): string {
  const [name = '', ...below] = path.slice('src/'.length).split('/')
  return below.length > 0 || name === 'app.ts' ? name.replace(/\.ts$/, '') : path
}

export type Import = { from: string; to: string }

/**
 * The cycles between folders. In each folder the nodes are its own files (`.`) and every subfolder with everything
 * below it. A subfolder and the files above it may import each other in one direction only, as two subfolders may.
 */
export function findFolderCycles(imports: Import[]): string[] {
  const graphs = new Map<string, Map<string, Set<string>>>()
  for (const { from, to } of imports) {
    const { parent, importer, imported } = nodesOf(from, to)
    if (importer === imported) continue
    const graph = graphs.get(parent) ?? new Map<string, Set<string>>()
    graphs.set(parent, graph.set(importer, (graph.get(importer) ?? new Set<string>()).add(imported)))
  }
  return [...graphs].flatMap(([parent, graph]) =>
    [...graph].flatMap(([importer, all]) =>
      [...all]
        .filter((imported) => isReachable(graph, imported, importer))
        .map((to) => `${parent}: ${importer} → ${to}`),
    ),
  )
}

function nodesOf(from: string, to: string): { parent: string; importer: string; imported: string } {
  const [importer, imported] = [dirname(from).split('/'), dirname(to).split('/')]
  const differs = importer.findIndex((name, index) => name !== imported[index])
  const shared = differs === -1 ? importer.length : differs
  return {
    parent: importer.slice(0, shared).join('/'),
    importer: importer[shared] ?? '.',
    imported: imported[shared] ?? '.',
  }
}

function isReachable(graph: Map<string, Set<string>>, start: string, end: string): boolean {
  const reached = new Set([start])
  // Iterating over a set includes items that are added meanwhile.
  for (const node of reached) for (const next of graph.get(node) ?? []) reached.add(next)
  return reached.has(end)
}

/**
 * The project files that a file imports, as paths from its root. `import type` counts, because it binds two files too.
 */
export function findImports(path: string, content: string): string[] {
  const code = content.replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  const names = [...code.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])(\.[^'"`]*)\1/g)].map(([, , name = '']) => name)
  return names.map((name) => join(dirname(path), name))
}

/** The same without types: the code that the file runs. */
export function findRunImports(path: string, content: string): string[] {
  return findImports(path, content.replace(/^(import|export) type [^;]*? from .*$/gm, ''))
}

function isInside(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`)
}
