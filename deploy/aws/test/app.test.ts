import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { CfnTopic } from 'aws-cdk-lib/aws-sns'
import { expect, onTestFinished, test } from 'vitest'

import { buildApp } from '../build-app.ts'
import { readDeployment } from '../read-deployment.ts'
import { enough, linkKey, made } from './build-example.ts'

const read = (context: Record<string, unknown>) => readDeployment((name) => context[name])
const { replicaKey: _key, distribution: _id, ...first } = enough

test('what nobody says is as usual', () => {
  expect(read(enough)).toEqual({
    account: '123456789012',
    region: 'af-south-1',
    bucket: 'documents',
    replica: { bucket: 'documents-replica', region: 'eu-west-1' },
    noncurrentDays: 90,
    origins: [],
    linkKey,
    domain: undefined,
    runsAs: 'ec2.amazonaws.com',
    alarmEmail: undefined,
    heads: undefined,
    backups: undefined,
    growthGb: 10,
    made,
  })
})

test('the documents’ own stack comes when the others are made', () => {
  expect(buildApp({ context: first }).documents).toBeUndefined()
  expect(buildApp({ context: enough }).documents).toBeDefined()
})

test.each([
  [{ account: undefined }, 'Give account as context: the twelve digits of your account (-c account=…).'],
  [{ account: '12345' }, 'account must be the twelve digits of your account.'],
  [{ bucket: 'Documents' }, 'bucket must be a name of small letters, digits and hyphens.'],
  [{ replicaRegion: 'af-south-1' }, 'replicaRegion must be another region than af-south-1.'],
  [
    { linkKey: '-----BEGIN PRIVATE KEY-----' },
    'linkKey must be the file of a public key in PEM; never the private one.',
  ],
  [{ linkKey: '/nowhere.pem' }, 'linkKey names /nowhere.pem, which cannot be read.'],
  [{ domain: 'documents.example.com' }, 'domain and certificate go together: give both, or neither.'],
  [{ distribution: undefined }, 'replicaKey and distribution go together: give what both stacks printed.'],
  [{ noncurrentDays: 'many' }, 'noncurrentDays must be a whole number of 1 and more.'],
  [{ heads: 'evidence' }, 'heads must be a folder such as s3://bucket/prefix/.'],
  [{ heads: 's3://documents/heads/' }, 'heads must be in another bucket than the documents: '],
  [
    { backups: 's3://documents/' },
    'Make a bucket for it, of another account if you can, and give backups=s3://that-bucket/.',
  ],
  [{ runsAs: 'everybody' }, 'runsAs must be a service of AWS, such as ec2.amazonaws.com.'],
])('%o is refused in a sentence', (wrong, says) => {
  expect(() => read({ ...enough, ...wrong })).toThrow(says)
})

test('the README has every name that is asked for in the context, and no other', async () => {
  const asked = new Set<string>()
  readDeployment((name) => {
    asked.add(name)
    return new Map<string, unknown>(Object.entries(enough)).get(name)
  })
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8')
  const [, table = ''] = /\n\| name .*?\n(.*?)\n\n/s.exec(readme) ?? []
  const cells = table.split('\n').map((line) => line.split('|')[1] ?? '')
  const written = [...cells.join(' ').matchAll(/`(\w+)`/g)].map(([, name]) => name)

  expect(written).toHaveLength(asked.size)
  expect(new Set(written)).toEqual(asked)
})

test('a folder of another bucket is separated from the name of the bucket', () => {
  expect(read({ ...enough, heads: 's3://evidence/a/b/', backups: 's3://backups/' })).toMatchObject({
    heads: { bucket: 'evidence', prefix: 'a/b/' },
    backups: { bucket: 'backups', prefix: '' },
  })
})

test('CloudFormation’s own schemas object to nothing in the three templates, which need no file beside them', async () => {
  const folder = await folderForTest()
  const { artifacts } = buildApp({ context: enough, outdir: folder }).app.synth()

  expect(
    artifacts
      .map(({ id }) => id)
      .filter((id) => id.startsWith('paniq'))
      .toSorted(),
  ).toEqual(['paniq-documents', 'paniq-documents-cloudfront', 'paniq-documents-replica'])
  expect(JSON.parse(await readFile(join(folder, 'validation-report.json'), 'utf8'))).toMatchObject({
    pluginReports: [],
  })
  expect((await readdir(folder)).filter((name) => name.startsWith('asset'))).toEqual([])
})

test('what they object to ends the synthesis', async () => {
  const { app, replica } = buildApp({ context: first, outdir: await folderForTest() })
  const odd = new CfnTopic(replica, 'Odd', { displayName: 'odd' })
  odd.addPropertyOverride('FifoTopic', 'perhaps')

  expect(() => app.synth()).toThrow(/[Vv]alidation/)
})

test('the program that `cdk` runs writes templates without a network and without credentials, and says what comes next', async () => {
  const folder = await folderForTest()

  expect(await runApp(folder, first)).toEqual({
    code: 0,
    said: 'The documents stack comes after the other two are deployed. Pass replicaKey and distribution.\n',
  })
  expect((await readdir(folder)).filter((name) => name.endsWith('.template.json')).toSorted()).toEqual([
    'paniq-documents-cloudfront.template.json',
    'paniq-documents-replica.template.json',
  ])
})

test('and says in one line what is missing', async () => {
  expect(await runApp(await folderForTest(), {})).toEqual({
    code: 1,
    said: expect.stringMatching(/^Give bucket as context: [^\n]+\n$/),
  })
})

async function folderForTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-synth-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function runApp(folder: string, context: Record<string, unknown>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../app.ts')], {
    // As `cdk` hands both over.
    env: { CDK_CONTEXT_JSON: JSON.stringify(context), CDK_OUTDIR: folder },
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [said, code] = await Promise.all([text(child.stderr), ended])
  return { code, said }
}
