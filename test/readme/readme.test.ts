import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { roundOf } from '../support/services/packages/test-services.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { type Account, type Newcomer, newcomer } from './newcomer.ts'
import { type Block, readBlocks } from './read-blocks.ts'

const run = promisify(execFile)
const blocks = await readBlocks(join(import.meta.dirname, '..', '..', 'README.md'))
const shell = blocks.filter(({ language }) => language === 'sh')
/** Run by whoever runs this test: to run it from within would never end. */
const theTestsThemselves = 'npm ci && npm test'
const startCommand = 'npm ci && npm start'
/** The long round installs the packages as the page says. The short one gives them, since CI has just done the same. */
const installs = roundOf({ short: false, long: true })
const typed = (lines: string) => (installs ? lines : lines.replace('npm ci && ', ''))

const isRoot = process.getuid?.() === 0
const madeName = `paniq-reader-${process.pid}`
let made: Account | undefined
/** Left after each test, also after one that ran out of time. */
const readersHere: Newcomer[] = []

beforeAll(async () => {
  if (!isRoot) return
  await run('useradd', ['--no-create-home', '--home-dir', '/nonexistent', madeName])
  const { stdout } = await run('id', ['-u', madeName])
  made = { uid: Number(stdout), gid: Number((await run('id', ['-g', madeName])).stdout) }
})
afterEach(async () => {
  for (const reader of readersHere.splice(0)) await reader.leave()
})
afterAll(async () => {
  if (isRoot) await run('userdel', [madeName])
})

it('every shell block of the README is either run here or is the command that runs the tests', () => {
  const known = [startCommand, theTestsThemselves]
  const others = shell.filter(({ text }) => !known.includes(text))
  expect(shell.map(({ text }) => text)).toEqual(expect.arrayContaining(known))
  expect(others.map(({ heading }) => heading)).toEqual(
    [...others.keys()].map((index) => (index < others.length - 1 ? 'The first upload' : 'With your S3')),
  )
})

async function arrive(account: Account): Promise<Newcomer> {
  const reader = await newcomer(account, { hasPackages: !installs })
  readersHere.push(reader)
  return reader
}

function ourselves(): Account {
  return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
}

function requireAccount(account: Account | undefined): Account {
  if (account === undefined) throw new Error('the normal user was not made')
  return account
}

const readers: [string, () => Account | undefined][] = isRoot
  ? [
      ['root', ourselves],
      ['a normal user', () => made],
    ]
  : [['a normal user', ourselves]]

describe.each(readers)('the README’s lines, typed by %s with an empty home', (_name, accountOf) => {
  it('start the service, hand in a paper and bring it back as printed', { timeout: 300_000 }, async () => {
    const reader = await arrive(requireAccount(accountOf()))
    const [port = 0] = await findFreePorts(1)
    const { printed } = await reader.start(typed(startCommand), /^Try next: /m, { PORT: String(port) })
    expect(printed()).toContain(`http://127.0.0.1:${port}`)
    expect(printed()).toContain('Storage: local')

    const steps = stepsOf(blocks.filter(({ heading }) => heading === 'The first upload'))
    const answers = await answersTo(steps, (lines) => reader.type(lines.replaceAll('8000', String(port))))
    const promises = steps.map(({ promised }) => promised && comparable(promised.text))
    expect(steps.map(({ promised }, index) => promised && comparable(answers[index] ?? ''))).toEqual(promises)
  })
})

it('the lines for an S3 of one’s own test it, in the bucket that they name', { timeout: 300_000 }, async () => {
  const bucket = await freshBucket()
  const reader = await arrive(ourselves())
  if (installs) await reader.type('npm ci')
  const block = shell.find(({ heading }) => heading === 'With your S3')
  const settings = s3Settings(bucket)
  const filledIn = (block?.text ?? '')
    .replace('your-bucket', bucket.name)
    .replace('your-access-key-id', settings['AWS_ACCESS_KEY_ID'] ?? '')
    .replace('your-secret-access-key', settings['AWS_SECRET_ACCESS_KEY'] ?? '')
    .replace('af-south-1', bucket.s3.region)
  const printed = await reader.type(filledIn, { AWS_ENDPOINT_URL_S3: bucket.s3.endpoint })
  expect(printed).toContain('✓')
  expect(printed).not.toContain('✗')
  await bucket.remove()
})

type Step = { shell: string; promised: Block | undefined }

/** Each shell block with the block of output that follows it. */
function stepsOf(part: Block[]): Step[] {
  return part.flatMap((block, index) => {
    if (block.language !== 'sh') return []
    const next = part[index + 1]
    return [{ shell: block.text, promised: next?.language === 'sh' ? undefined : next }]
  })
}

/** Types all steps in one shell, and gives back what each one printed. */
async function answersTo(steps: Step[], type: (lines: string) => Promise<string>): Promise<string[]> {
  const mark = '── the next step ──'
  const printed = await type(steps.map(({ shell: lines }) => `echo '${mark}'\n${lines}`).join('\n'))
  return printed
    .split(`${mark}\n`)
    .slice(1)
    .map((answer) => answer.trim())
}

/** Text as it is; JSON by its shape. */
function comparable(text: string): unknown {
  return /^[{[]/.test(text) ? shapeOf(JSON.parse(text)) : text
}

/** A value with every text, number and truth replaced by its kind: ids and times differ, shapes may not. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]))
}
