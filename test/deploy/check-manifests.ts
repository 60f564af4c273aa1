import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Manifest } from './kustomize.ts'

const root = join(import.meta.dirname, '../..')

/**
 * The errors that Kubernetes would reject or silently ignore. Its schemas find wrong values and missing fields. They
 * allow unknown fields, like the cluster, so the compiler checks those.
 */
export async function findObjections(manifests: Manifest[]): Promise<string[]> {
  const wrong = await Promise.all(manifests.map(findWrongValues))
  return [...wrong.flat(), ...(await findUnknownFields(manifests))]
}

type Model = new (manifest: Manifest) => { validate(): void }

async function findWrongValues(manifest: Manifest): Promise<string[]> {
  const { kind } = manifest
  const models = (await import(moduleOf(manifest))) as Record<string, Model | undefined>
  const Kind = models[kind]
  if (Kind === undefined) return [`${kind}: Kubernetes has none in ${manifest.apiVersion}`]
  try {
    new Kind(manifest).validate()
    return []
  } catch (error) {
    return [`${kind}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

async function findUnknownFields(manifests: Manifest[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-manifests-'))
  try {
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    const lines = manifests.flatMap((manifest, index) => [
      `import type { I${manifest.kind} as Kind${index} } from '${moduleOf(manifest)}'`,
      `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest, null, 2)}`,
    ])
    await writeFile(join(folder, 'manifests.mts'), lines.join('\n'))
    const words = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--ignoreConfig', 'manifests.mts']
    const { stdout, code } = await compile(words, folder)
    return code === 0 ? [] : stdout.trim().split('\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function compile(words: string[], cwd: string): Promise<{ stdout: string; code: unknown }> {
  const tsc = join(root, 'node_modules/.bin/tsc')
  return promisify(execFile)(tsc, words, { cwd }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    (error: { stdout: string; code: unknown }) => error,
  )
}

function moduleOf({ apiVersion }: Manifest): string {
  return `kubernetes-models/${apiVersion}`
}
