import { parseAllDocuments } from 'yaml'

import { ensureInstalled, findProgram, type PackageNeed } from '../support/services/packages/install-packages.ts'
import { runProgram } from '../support/services/packages/run-program.ts'

/** What `kubectl apply -k` does too, without a cluster. */
const kustomizeNeed: PackageNeed = {
  service: 'a writer of Kubernetes manifests (kustomize)',
  packages: ['kustomize'],
  aboutMegabytes: 7,
  variables: [],
  missing: async () => ((await findProgram('kustomize')) ? [] : ['kustomize']),
}

export type Manifest = { kind: string; apiVersion: string; metadata: { name: string }; [part: string]: unknown }

/** The manifests that a folder stands for, as a cluster is sent them. */
export async function kustomize(folder: string): Promise<Manifest[]> {
  await ensureInstalled([kustomizeNeed])
  return readManifests(await runProgram('kustomize', ['build', folder]))
}

/** The documents of a text; it throws for a key that stands twice, and for whatever else is no YAML. */
export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as Manifest
  })
}
