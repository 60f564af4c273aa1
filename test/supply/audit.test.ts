import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'

import { expect, it, onTestFinished } from 'vitest'

import { audit } from '../../supply/audit.ts'
import { lockedFolders } from '../../supply/locked-folders.ts'
import { describeAudit } from '../../supply/describe-audit.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { openRegistry } from './registry.ts'

const root = join(import.meta.dirname, '../..')
const weakness = {
  id: 7,
  title: 'Answers to anybody',
  vulnerable_versions: '<1.2.0',
  url: 'https://advisories.example/7',
}

/** A project with one package, in a version that may have a known vulnerability. */
async function project(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-audit-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const about = { name: 'with-one', version: '1.0.0', dependencies: { 'document-clip': '1.1.0' } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(about))
  const packages = { '': about, 'node_modules/document-clip': { version: '1.1.0' } }
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ ...about, lockfileVersion: 3, packages }))
  return folder
}

async function auditAt(registry: string) {
  const folder = await project()
  const { PATH } = process.env
  // Its own cache, because npm caches advisories.
  const npm = {
    npm_config_registry: registry,
    npm_config_cache: join(folder, 'cache'),
    npm_config_fetch_retries: '0',
    npm_config_fetch_timeout: '3000',
  }
  return audit(folder, { PATH, HOME: folder, ...npm })
}

async function withRegistry(advisories: Parameters<typeof openRegistry>[1]) {
  const registry = await openRegistry({ name: 'document-clip', versions: ['1.1.0', '1.2.0'] }, advisories)
  onTestFinished(() => registry.close())
  return { registry, answer: await auditAt(registry.url) }
}

it('an audit without findings is recognized, about every package', async () => {
  const { registry, answer } = await withRegistry([])

  expect(answer).toEqual({ kind: 'answered', high: [], others: [] })
  expect(registry.asked).toEqual([['document-clip']])
  expect(describeAudit('this', answer).isGood).toBe(true)
})

it.each(['high', 'critical'])('a %s vulnerability fails, and is named', async (severity) => {
  const { answer } = await withRegistry([{ ...weakness, severity }])

  expect(answer).toMatchObject({ kind: 'answered', high: [{ name: 'document-clip', severity }] })
  const { lines, isGood } = describeAudit('this', answer)
  expect(isGood).toBe(false)
  expect(lines.join()).toContain('document-clip (Answers to anybody)')
})

it('a lesser vulnerability is named, and does not fail', async () => {
  const { answer } = await withRegistry([{ ...weakness, severity: 'moderate' }])

  expect(answer).toMatchObject({ kind: 'answered', high: [], others: [{ name: 'document-clip' }] })
  expect(describeAudit('this', answer).isGood).toBe(true)
})

it('a registry without an audit endpoint never counts as one without findings', async () => {
  const { answer } = await withRegistry(undefined)

  expect(answer).toMatchObject({ kind: 'no_answer', why: expect.stringContaining('405') })
  expect(describeAudit('this', answer)).toEqual({ lines: [expect.stringContaining('NOT audited')], isGood: true })
})

it('nor does a registry that never answers', async () => {
  const { answer } = await withRegistry('silence')

  expect(answer).toMatchObject({ kind: 'no_answer' })
})

it('nor does an unreachable registry', async () => {
  const [port] = await findFreePorts(1)

  const answer = await auditAt(`http://127.0.0.1:${port}/`)

  expect(answer).toMatchObject({ kind: 'no_answer' })
})

it('no high vulnerability of a package of the service is known, as far as the registry answers', async () => {
  const child = spawn('npm', ['run', '--silent', 'audit'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const said = await text(child.stdout)
  // Printed in every run, also after a success.
  console.log(said)

  for (const whose of Object.values(lockedFolders))
    expect(said).toMatch(new RegExp(`^The dependencies of ${whose} were (NOT )?audited: `, 'm'))
  expect(await ended).toEqual([0, null])
})

it('every lock file is audited', async () => {
  const locks = glob('**/package-lock.json', { cwd: root, exclude: (name) => /(^|\/)(node_modules|\.git)$/.test(name) })

  expect((await Array.fromAsync(locks, dirname)).toSorted()).toEqual(Object.keys(lockedFolders).toSorted())
})
