import { dirname, join } from 'node:path/posix'

const words = ['errors', 'files', 'vocabulary', 'config', 'contract', 'logging', 'metrics']
const stored = ['database', 'storage', 'scanner', ...words]
const useCases = ['documents', 'people', 'audit', 'operations', ...stored]

/**
 * The drawing of ARCHITECTURE.md as a table: what each room of src may import besides its own files. A room is a folder
 * of src, or `app.ts`, the only file at its top.
 */
const mayImport: Record<string, string[]> = {
  ...Object.fromEntries(words.map((word) => [word, []])),
  files: ['errors'],
  config: ['errors'],
  database: words,
  storage: words,
  scanner: words,
  // It sends spans away; the other rooms know logging/spans.ts alone.
  tracing: words,
  people: stored,
  audit: stored,
  // People decide what a person may do with a document, and know nothing of documents.
  documents: ['people', ...stored],
  // The state of the whole: it looks at documents, their work and the trail, and none of them looks at it.
  operations: ['documents', 'people', 'audit', ...stored],
  // A second copy of everything: it reads documents as a system task, and knows no person.
  backup: ['documents', ...stored],
  app: ['tracing', ...useCases],
  http: useCases,
  worker: useCases,
  // A command opens the app that it needs.
  cli: ['app', 'backup', ...useCases],
  bin: ['app', 'http', 'worker', 'cli', 'backup', ...useCases],
}

/** What http runs of database and storage without a use case in between: which file, what, and why. Types are free. */
export const httpExceptions: [importer: string, imported: string, reason: string][] = [
  ['errors/sentences.ts', 'database/connection/postgres-errors.ts', 'turns any database failure into an answer'],
  ['rate-limits/limit-rates.ts', 'database/people/rate-limits.ts', 'a rate limit comes before every use case'],
  ['rate-limits/limit-rates.ts', 'database/people/login-lockout.ts', 'hashes an address, reads no row'],
  ['rate-limits/lease-rate-limits.ts', 'storage/streams/read-spooled-file.ts', 'races a lease against a signal'],
  ['presenters/send-file.ts', 'storage/links/content-disposition.ts', 'formats the header as links to S3 do'],
  ['routes/downloads.ts', 'storage/links/local-links.ts', 'checks the signature of a local link'],
  ['routes/firms.ts', 'database/people/quotas.ts', 'a value for a firm without documents, no query'],
]

/** Why the file at `from` may not import the one at `to`, both as paths from the project's root; undefined if it may. */
export function findObjection(from: string, to: string): string | undefined {
  const isOfSrc = isInside('src', to)
  if (isInside('src', from)) return isOfSrc ? objectionWithinSrc(from, to) : objectionOutOfSrc(from, to)
  if (!isOfSrc) return undefined
  if (isInside('web', from) && !isInside('src/contract', to)) return 'web may import src/contract/ alone'
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

/** `database` of `src/database/people/firms.ts`, `app` of `src/app.ts`; another file at the top has no room. */
function roomOf(path: string): string {
  const [name = '', ...below] = path.slice('src/'.length).split('/')
  return below.length > 0 || name === 'app.ts' ? name.replace(/\.ts$/, '') : path
}

export type Import = { from: string; to: string }

/**
 * The cycles between folders. The nodes are, in each folder, its own files (`.`) and every subfolder with all below it:
 * a subfolder and the files above it may import each other one way only, as two subfolders may.
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
  // A set goes on to what is added while it is walked.
  for (const node of reached) for (const next of graph.get(node) ?? []) reached.add(next)
  return reached.has(end)
}

/** The files of the project that a file imports, as paths from its root. `import type` counts: it binds two files too. */
export function findImports(path: string, content: string): string[] {
  const code = content.replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  const names = [...code.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])(\.[^'"`]*)\1/g)].map(([, , name = '']) => name)
  return names.map((name) => join(dirname(path), name))
}

/** The same without types: what the file runs. */
export function findRunImports(path: string, content: string): string[] {
  return findImports(path, content.replace(/^(import|export) type [^;]*? from .*$/gm, ''))
}

function isInside(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`)
}
