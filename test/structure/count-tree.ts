type Locked = {
  version: string
  license?: string
  integrity?: string
  dev?: true
  inBundle?: true
  hasInstallScript?: true
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

export type Lock = { packages: Record<string, Locked> }

/** The number of packages that this one installs, including itself. */
export function countTree(lock: Lock, name: string): number {
  const seen = new Set<string>()
  const visit = (from: string, wanted: string) => {
    const path = findFrom(lock, from, wanted)
    if (path === undefined || seen.has(path)) return
    seen.add(path)
    const { dependencies, optionalDependencies } = lock.packages[path] ?? {}
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) visit(path, each)
  }
  visit('', name)
  return seen.size
}

/** Resolves like Node: in the package's own folder, then in those above it. */
function findFrom({ packages }: Lock, from: string, name: string): string | undefined {
  const path = `${from === '' ? '' : `${from}/`}node_modules/${name}`
  if (path in packages) return path
  if (from === '') return undefined
  return findFrom({ packages }, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))), name)
}
