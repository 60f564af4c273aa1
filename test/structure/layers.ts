import { dirname, join } from 'node:path/posix'

const words = ['errors', 'files', 'vocabulary', 'config', 'contract', 'logger', 'metrics']
const keeping = ['database', 'storage', 'scanner', ...words]
const verbs = ['documents', 'people', 'audit', 'operations', ...keeping]

/**
 * The drawing of ARCHITECTURE.md as a table: what each part of src may import beside itself. A part is a folder of
 * src, or a file that stands directly in it together with its continuations (`contract.ts`, `contract-people.ts`).
 */
const mayImport: Record<string, string[]> = {
  ...Object.fromEntries(words.map((word) => [word, []])),
  files: ['errors'],
  config: ['errors'],
  database: words,
  storage: words,
  scanner: words,
  // What sends spans away; everybody else knows the words of logger-trace alone.
  tracing: words,
  people: keeping,
  audit: keeping,
  // What somebody may do with a document is asked of people; people know nothing of documents.
  documents: ['people', ...keeping],
  // How the whole is doing: it looks at documents, their work and the trail, and none of them at it.
  operations: ['documents', 'people', 'audit', ...keeping],
  // A second copy of everything: it reads as those do who look after bytes, and knows no person.
  backup: ['documents', ...keeping],
  app: ['tracing', ...verbs],
  http: verbs,
  worker: verbs,
  cli: ['backup', ...verbs],
  bin: ['app', 'http', 'worker', 'cli', 'backup', ...verbs],
}

/** Why the file at `from` may not import the one at `to`, both as paths from the project's root; undefined if it may. */
export function findObjection(from: string, to: string): string | undefined {
  const isOfSrc = isInside('src', to)
  if (isInside('src', from)) return isOfSrc ? objectionWithinSrc(from, to) : objectionOutOfSrc(from, to)
  if (!isOfSrc) return undefined
  if (isInside('web', from) && to !== 'src/contract.ts') return 'web may import src/contract.ts alone'
  if (isInside('test/acceptance', from)) return 'acceptance knows only HTTP'
  return undefined
}

function objectionWithinSrc(from: string, to: string): string | undefined {
  const [importer, imported] = [partOf(from), partOf(to)]
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

/** `database` of `src/database/client.ts`, `contract` of `src/contract.ts` and of `src/contract-people.ts`. */
function partOf(path: string): string {
  const [name = ''] = path.slice('src/'.length).split('/')
  const part = name.replace(/(\.test)?\.ts$/, '')
  return words.find((word) => part.startsWith(`${word}-`)) ?? part
}

/** The files of the project that a file imports, as paths from its root. `import type` counts: it binds two files too. */
export function findImports(path: string, content: string): string[] {
  const code = content.replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  const names = [...code.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])(\.[^'"`]*)\1/g)].map(([, , name = '']) => name)
  return names.map((name) => join(dirname(path), name))
}

function isInside(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`)
}
