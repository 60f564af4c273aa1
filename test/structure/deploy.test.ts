import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import packageJson from '../../package.json' with { type: 'json' }
import { settings } from '../../src/config/settings.ts'

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'deploy/README.md'), 'utf8')
const lines = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, text = '']) => text).join('')

test('every setting on the deployment page exists', () => {
  const named = [...page.matchAll(/\b[A-Z][A-Z0-9]+_[A-Z0-9_]+\b/g)].map(([name]) => name)

  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => !(name in settings))).toEqual([])
})

test('every file on the deployment page exists', () => {
  const linked = [...page.matchAll(/\]\(([\w./-]+)\)/g)].map(([, path = '']) => join('deploy', path))
  const typed = [...page.matchAll(/\bdeploy\/[\w./-]*\w/g)].map(([path]) => path)
  const named = [
    ...page.matchAll(/`((?:without|with)-disks[\w./-]*|[\w-]+\.(?:yaml|env)|paniq-documents-[\w./-]+\.conf)`/g),
  ]
  const places = ['kubernetes', 'kubernetes/without-disks', 'systemd', 'systemd/system'].map((each) => `deploy/${each}`)
  // Names that the reader creates from an example.
  const made = new Set(['service.env', 'owner.env', 'secrets.yaml'])

  const missing = [...linked, ...typed].filter((path) => !existsSync(join(root, path)))
  const unknown = named.flatMap(([, name = '']) =>
    made.has(name) || places.some((place) => existsSync(join(root, place, name))) ? [] : name,
  )
  expect([linked.length > 5, typed.length > 5, named.length > 3]).toEqual([true, true, true])
  expect([...missing, ...unknown]).toEqual([])
})

test('the documented commands wait as long for the shutdown as the units and the manifests', () => {
  expect(/--stop-timeout (\d+)/.exec(lines)?.[1]).toBe('90')
})

test('the version on the deployment page is this one', () => {
  const versions = [...page.matchAll(/paniq-documents-(\d[\w.]*\w)/g)].map(([, version]) => version)

  expect(versions.length).toBeGreaterThan(3)
  expect(new Set(versions)).toEqual(new Set([packageJson.version]))
})
