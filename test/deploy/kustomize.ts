import { parseAllDocuments } from 'yaml'

import { ensureInstalled, findProgram, type PackageNeed } from '../support/services/packages/install-packages.ts'
import { runProgram } from '../support/services/packages/run-program.ts'

/** Like `kubectl apply -k`, without a cluster. */
const kustomizeNeed: PackageNeed = {
  service: 'a writer of Kubernetes manifests (kustomize)',
  packages: ['kustomize'],
  aboutMegabytes: 7,
  variables: [],
  missing: async () => ((await findProgram('kustomize')) ? [] : ['kustomize']),
}

export type Manifest = { kind: string; apiVersion: string; metadata: { name: string }; [part: string]: unknown }

/** The manifests of a folder, as a cluster gets them. */
export async function kustomize(folder: string): Promise<Manifest[]> {
  await ensureInstalled([kustomizeNeed])
  return readManifests(await runProgram('kustomize', ['build', folder]))
}

/** The YAML documents of a text. Throws for a duplicate key and other invalid YAML. */
export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as Manifest
  })
}
