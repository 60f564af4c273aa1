import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { roundOf } from '../support/services/packages/test-services.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { type Account, createNewcomer, type Newcomer } from './newcomer.ts'
import { type Block, readBlocks } from './read-blocks.ts'

const run = promisify(execFile)
const blocks = await readBlocks(join(import.meta.dirname, '..', '..', 'README.md'))
const shell = blocks.filter(({ language }) => language === 'sh')
/** Not run here: the tests would start themselves. */
const testCommand = 'npm ci && npm test'
const startCommand = 'npm ci && npm start'
const typedHeadings = ['First upload', 'Administrator']
const s3Heading = 'S3'
/** The long round installs the packages as the README says. The short round links those of this clone. */
const installs = roundOf({ short: false, long: true })
const typed = (lines: string) => (installs ? lines : lines.replace('npm ci && ', ''))

const isRoot = process.getuid?.() === 0
const userName = `paniq-reader-${process.pid}`
let normalUser: Account | undefined
/** Closed after each test, also after a timeout. */
const readersHere: Newcomer[] = []

beforeAll(async () => {
  if (!isRoot) return
  await run('useradd', ['--no-create-home', '--home-dir', '/nonexistent', userName])
  const { stdout } = await run('id', ['-u', userName])
  normalUser = { uid: Number(stdout), gid: Number((await run('id', ['-g', userName])).stdout) }
})
afterEach(async () => {
  for (const reader of readersHere.splice(0)) await reader.leave()
})
afterAll(async () => {
  if (isRoot) await run('userdel', [userName])
})

it('every shell block of the README runs in this file, except the one that runs the tests', () => {
  const known = [startCommand, testCommand]
  const others = shell.filter(({ text }) => !known.includes(text))
  expect(shell.map(({ text }) => text)).toEqual(expect.arrayContaining(known))
  expect([...new Set(others.map(({ heading }) => heading))]).toEqual([...typedHeadings, s3Heading])
})

async function createReader(account: Account): Promise<Newcomer> {
  const reader = await createNewcomer(account, { hasPackages: !installs })
  readersHere.push(reader)
  return reader
}

function currentAccount(): Account {
  return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
}

function requireAccount(account: Account | undefined): Account {
  if (account === undefined) throw new Error('the normal user was not created')
  return account
}

const readers: [string, () => Account | undefined][] = isRoot
  ? [
      ['root', currentAccount],
      ['a normal user', () => normalUser],
    ]
  : [['a normal user', currentAccount]]

describe.each(readers)('the commands of the README, typed by %s with an empty home', (_name, accountOf) => {
  it('start the service, upload a document, download it and verify it as printed', { timeout: 300_000 }, async () => {
    const reader = await createReader(requireAccount(accountOf()))
    const [port = 0] = await findFreePorts(1)
    const { printed } = await reader.start(typed(startCommand), /^Try next: /m, { PORT: String(port) })
    expect(printed()).toContain(`http://127.0.0.1:${port}`)
    expect(printed()).toContain('Storage: local')

    const steps = stepsOf(blocks.filter(({ heading }) => typedHeadings.includes(heading)))
    const answers = await answersTo(steps, (lines) => reader.type(lines.replaceAll('8000', String(port))))
    const promises = steps.map(({ promised }) => promised && comparable(promised.text))
    expect(steps.map(({ promised }, index) => promised && comparable(answers[index] ?? ''))).toEqual(promises)
  })
})

it('the S3 commands of the README test the configured bucket', { timeout: 300_000 }, async () => {
  const bucket = await freshBucket()
  const reader = await createReader(currentAccount())
  if (installs) await reader.type('npm ci')
  const block = shell.find(({ heading }) => heading === s3Heading)
  const settings = s3Settings(bucket)
  const filled = (block?.text ?? '')
    .replace('your-bucket', bucket.name)
    .replace('your-access-key-id', settings['AWS_ACCESS_KEY_ID'] ?? '')
    .replace('your-secret-access-key', settings['AWS_SECRET_ACCESS_KEY'] ?? '')
    .replace('af-south-1', bucket.s3.region)
  const printed = await reader.type(filled, { AWS_ENDPOINT_URL_S3: bucket.s3.endpoint })
  expect(printed).toContain('✓')
  expect(printed).not.toContain('✗')
  await bucket.remove()
})

type Step = { shell: string; promised: Block | undefined }

/** Each shell block with the block of expected output that follows it. */
function stepsOf(part: Block[]): Step[] {
  return part.flatMap((block, index) => {
    if (block.language !== 'sh') return []
    const next = part[index + 1]
    return [{ shell: block.text, promised: next?.language === 'sh' ? undefined : next }]
  })
}

/** Types all steps in one shell and returns the output of each. */
async function answersTo(steps: Step[], type: (lines: string) => Promise<string>): Promise<string[]> {
  const mark = '── the next step ──'
  const printed = await type(steps.map(({ shell: lines }) => `echo '${mark}'\n${lines}`).join('\n'))
  return printed
    .split(`${mark}\n`)
    .slice(1)
    .map((answer) => answer.trim())
}

/** Text is compared exactly, JSON by its shape. */
function comparable(text: string): unknown {
  return /^[{[]/.test(text) ? shapeOf(JSON.parse(text)) : text
}

/** Replaces every string, number and boolean by the name of its type: ids and times differ, shapes must not. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]))
}
