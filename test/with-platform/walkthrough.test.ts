import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { GetObjectCommand } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { type Block, readBlocks } from '../readme/read-blocks.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { type FreshBucket, freshBucket } from '../support/s3/fresh-bucket.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import { freshPlatformDatabase, type PlatformDatabase } from '../support/platform/platform-database.ts'
import { insertPlatformDocument, type PlatformDocument } from '../support/platform/platform-documents.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { type RunningNginx, startNginx } from '../support/services/programs/nginx.ts'
import { type Machine, openMachine } from './machine.ts'
import { docsPage, nginxOfTheDocs } from './nginx-of-the-docs.ts'
import { startStubPlatform, type StubPlatform } from './stub-platform.ts'
import { type Member, writeMember } from './write-member.ts'
import { writeTypes } from './write-types.ts'
import { makePassableFolder } from '../support/run/passable-folder.ts'

const run = promisify(execFile)
const blocks = await readBlocks(docsPage)
const role = `paniq_documents_${randomBytes(6).toString('hex')}`
/** With characters that a shell and a settings file would interpret. */
const secret = `a#key $HOME ${randomBytes(32).toString('hex')}`

let folder: string
let database: PlatformDatabase
let bucket: FreshBucket
let platform: StubPlatform
let member: Member
let ofPlatform: PlatformDocument
/** The database without rights, as before the set-up. */
let before: string
let machines: [Machine, Machine]
let ports: number[]
let nginx: RunningNginx | undefined
beforeAll(async () => {
  folder = await makePassableFolder('paniq-walk-')
  ;[database, bucket] = await Promise.all([freshPlatformDatabase(), freshBucket()])
  platform = await startStubPlatform()
  await writeTypes(database.platform)
  member = await writeMember({ platform: database.platform, secret })
  ofPlatform = await insertPlatformDocument(database.platform, { bucket, uploadsDir: folder }, member.firmId)
  before = await dump()
  ports = await findFreePorts(3)
  const [api = 0, ...ours] = ports
  const env = {
    OWNER: database.settings.DATABASE_OWNER_URL,
    API: `http://127.0.0.1:${api}`,
    FIRM: member.firmId,
    TOKEN: member.headers.authorization.replace('Bearer ', ''),
    // The only difference of this bucket to Amazon's that the page does not mention.
    AWS_ENDPOINT_URL_S3: bucket.s3.endpoint,
  }
  // Two machines are two folders and two ports here.
  machines = [
    await openMachine(join(folder, 'first'), { ...env, HOST: '127.0.0.1', PORT: String(ours[0]) }),
    await openMachine(join(folder, 'second'), { ...env, HOST: '127.0.0.1', PORT: String(ours[1]) }),
  ]
})
afterAll(async () => {
  await nginx?.stop()
  for (const machine of machines) await machine.kill()
  await platform.close()
  await database.remove()
  await asAdmin(`drop role if exists ${role}`, testServices().postgres.adminUrl)
  await bucket.remove()
  await rm(folder, { recursive: true, force: true })
})

async function dump(): Promise<string> {
  const words = ['--no-privileges', '--dbname', database.settings.DATABASE_OWNER_URL]
  const { stdout } = await run('pg_dump', words, { maxBuffer: 64 * 1024 * 1024 })
  // Sorted: the order of the rows of a table means nothing.
  return stdout
    .replaceAll(/^\\(un)?restrict .*$/gm, '')
    .split('\n')
    .toSorted()
    .join('\n')
}

function adminOfPlatformsDatabase(): string {
  const { pathname } = new URL(database.settings.DATABASE_URL)
  return Object.assign(new URL(testServices().postgres.adminUrl), { pathname }).href
}

/** As a role that may create roles, in the platform's database by default. */
async function asAdmin(text: string, url = adminOfPlatformsDatabase()): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

const taken = new Set<Block>()

/** The next code block of this language under this heading, with the page's placeholders filled in. */
function next(heading: string, language: string): string {
  const block = blocks.find((each) => each.heading === heading && each.language === language && !taken.has(each))
  if (block === undefined) throw new Error(`the page has no further ${language} under “${heading}”`)
  taken.add(block)
  const {
    AWS_S3_BUCKET: name = '',
    AWS_ACCESS_KEY_ID: key = '',
    AWS_SECRET_ACCESS_KEY: itsSecret = '',
  } = s3Settings(bucket)
  const [, first, second] = ports
  return block.text
    .replaceAll('10.0.0.21:8000', `127.0.0.1:${first}`)
    .replaceAll('10.0.0.22:8000', `127.0.0.1:${second}`)
    .replace(/postgresql:\/\/\S*@db\.example\/platform/, serviceUrl())
    .replace('THE-KEY-THAT-THE-PLATFORM-SIGNS-ITS-TOKENS-WITH', secret)
    .replace('THE-BUCKET-OF-THE-PLATFORM', name)
    .replace('KEY_ID=KEY', `KEY_ID=${key}`)
    .replace("ACCESS_KEY='SECRET'", `ACCESS_KEY='${itsSecret}'`)
    .replace('af-south-1', bucket.s3.region)
    .replaceAll(/\bpaniq_documents\b/g, role)
}

function serviceUrl(): string {
  return Object.assign(new URL(database.settings.DATABASE_URL), { username: role, password: 'PASSWORD' }).href
}

/** The platform's nginx, with or without our line. */
async function nginxLines({ isIncluded }: { isIncluded: boolean }): Promise<string> {
  const [api, ...ours] = ports
  const upstreams = ours.map((port) => `127.0.0.1:${port}`)
  const { http, server } = await nginxOfTheDocs({ folder: join(folder, 'nginx'), upstreams })
  const rest = `location / { proxy_pass http://127.0.0.1:${platform.port}; }`
  return `${http}\nserver { listen 127.0.0.1:${api}; ${isIncluded ? server : ''} ${rest} }`
}

const isPlatform = (answer: string | undefined) => answer?.includes('"answered_by":"platform"') === true

it('the steps of the page, in order, install the service next to the platform and remove it again', async () => {
  const [first, second] = machines

  await asAdmin(next('1. A role for the service', 'sql'))
  const settings = next('2. Settings', 'ini')
  for (const machine of machines) await machine.write('.env', settings)
  const tested = await first.type(next('2. Settings', 'sh'))
  expect([tested.includes('✓'), tested.includes('✗')]).toEqual([true, false])

  await first.type(next('3. Tables', 'sh'))
  expect(await first.type(next('3. Tables', 'sh'))).toBe(next('3. Tables', 'text'))

  const serve = next('4. Start', 'sh')
  for (const machine of machines) await machine.start(serve)
  const [one, other, documents] = (await first.type(next('4. Start', 'sh').replaceAll('\ncurl', '\necho\ncurl'))).split(
    '\n',
  )
  for (const ready of [one, other]) expect(JSON.parse(ready ?? '')).toMatchObject({ status: 'ready' })
  expect(JSON.parse(documents ?? '')).toMatchObject([{ id: ofPlatform.id }])

  nginx = await startNginx({
    folder: join(folder, 'nginx'),
    port: ports[0] ?? 0,
    http: await nginxLines({ isIncluded: true }),
  })
  const asking = next('nginx', 'sh').replaceAll('\ncurl', '\necho\ncurl')
  const [without = '', listed, theFirm] = (await first.type(asking)).split('\n').filter((line) => line !== '')
  expect(without).toMatch(/^401 application\/problem\+json/)
  expect(JSON.parse(listed ?? '')).toMatchObject([{ id: ofPlatform.id }])
  expect(isPlatform(theFirm)).toBe(true)

  const bytes = makePdf({ bytes: 50_000, seed: 'walk' })
  const { id } = await uploadDocument(`http://127.0.0.1:${ports[0]}`, member.firmId, member, { bytes })

  await nginx.reload(await nginxLines({ isIncluded: false }))
  await expect
    .poll(async () => (await first.type(asking)).split('\n').filter((line) => isPlatform(line)).length)
    .toBe(2)
  const drain = next('Documents on our disks', 'sh')
  for (const machine of machines) await machine.type(drain)
  expect([await first.stop(), await second.stop()]).toEqual([0, 0])

  expect(await hashesForPlatform(id)).toEqual([createHash('sha256').update(bytes).digest('hex')])
  await first.type(next('Triggers and indexes', 'sh'))
  expect(await first.type(next('Our tables', 'sh'))).toBe(next('Our tables', 'text'))
  await asAdmin(next('Our tables', 'sql'))

  await database.platform.query('delete from firm_documents where id = $1', [id])
  expect(await dump()).toBe(before)
  const keys = (await listBucket(bucket.client, bucket.name)).map(({ key }) => key)
  expect(keys.filter((key) => !key.startsWith('security_firms/'))).toEqual(['paniq-documents.json'])
}, 300_000)

/** The hash of the file that the platform's row of this document names, read like the platform. */
async function hashesForPlatform(id: string): Promise<string[]> {
  const { rows } = await database.platform.query('select file_path from firm_documents where id = $1', [id])
  return Promise.all(
    (rows as { file_path: string }[]).map(async ({ file_path: Key }) => {
      const { Body } = await bucket.client.send(new GetObjectCommand({ Bucket: bucket.name, Key }))
      return createHash('sha256')
        .update((await Body?.transformToByteArray()) ?? '')
        .digest('hex')
    }),
  )
}

it('every line of the page has been run', () => {
  const steps = blocks.filter(({ language }) => ['sh', 'sql', 'ini'].includes(language))
  expect(steps.filter((block) => !taken.has(block)).map(({ heading, text }) => `${heading}: ${text}`)).toEqual([
    // The addresses, which every line above was given.
    expect.stringMatching(/^Running next to the platform: OWNER=/),
  ])
})
