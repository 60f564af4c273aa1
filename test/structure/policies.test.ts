import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { examplePlace } from '../../deploy/policies/example-place.ts'
import { policies, type Policy, type Statement } from '../../deploy/policies/statements.ts'
import { settings } from '../../src/config/settings.ts'
import { proofRights, setupRights } from '../../src/storage/bucket-setup/bucket-rules.ts'
import { actionsOf } from '../rights/actions-of-calls.ts'
import { may } from '../rights/may.ts'
import { listCode } from './list-code.ts'

const folder = join(import.meta.dirname, '../../deploy/policies')
const read = (file: string) => readFile(join(folder, file), 'utf8')
const all = Object.entries(policies).map(([name, policyFor]) => ({ name, policy: policyFor(examplePlace) }))
const statements = all.flatMap(({ name, policy }) => policy.Statement.map((statement) => ({ name, ...statement })))
const actionsIn = ({ Statement }: Policy) => Statement.flatMap(({ Action }) => Action)
const given = new Set(all.flatMap(({ policy }) => actionsIn(policy)))
const whoMay = (action: string) =>
  all.filter(({ policy }) => actionsIn(policy).includes(action)).map(({ name }) => name)

test('the files match the source with the names of .env.example: npm run policies writes them', async () => {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'))

  expect(files.toSorted()).toEqual(all.map(({ name }) => `${name}.json`).toSorted())
  for (const { name, policy } of all) expect(JSON.parse(await read(`${name}.json`))).toEqual(policy)
  expect(examplePlace).toMatchObject({
    bucket: settings.AWS_S3_BUCKET.default,
    region: settings.AWS_REGION_NAME.default,
  })
})

test('the README of the policies names each', async () => {
  const page = await read('README.md')

  expect(all.filter(({ name }) => !page.includes(`[${name}](${name}.json)`))).toEqual([])
})

describe('no policy grants more than it names', () => {
  test('has no wildcard except for the keys of one bucket', () => {
    expect(statements.map(({ name, ...statement }) => [name, objectionTo(statement)]).filter(([, why]) => why)).toEqual(
      [],
    )
  })

  test.each([
    { Action: ['s3:*'] },
    { Action: ['*'] },
    { Action: ['s3:Get*'] },
    { Action: ['s3:ListAllMyBuckets'] },
    { Resource: ['*'] },
    { Resource: ['arn:aws:s3:::*'] },
    { Resource: ['arn:aws:s3:::paniq*/*'] },
    { Resource: ['arn:aws:s3:::paniq/*/x'] },
    { Resource: ['arn:aws:kms:*:1:key/*'] },
    { Effect: 'Deny' as never },
    { NotAction: ['s3:GetObject'] },
  ])('the test detects: %j', (wrong) => {
    const right: Statement = { Sid: 'X', Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::paniq/*'] }

    expect([objectionTo(right), objectionTo({ ...right, ...wrong })]).toEqual([undefined, expect.any(String)])
  })

  test('an action is granted on the bucket or on its keys, as S3 defines it', () => {
    const ofBucket = /^s3:(List|Create|(Get|Put|Delete)(Bucket|Lifecycle|Encryption|Replication))/
    const isWrong = ({ Action, Resource }: Statement) =>
      Action.some((action) =>
        Resource.some((resource) => action.startsWith('s3:') && ofBucket.test(action) === resource.includes('/')),
      )

    expect(statements.filter(isWrong)).toEqual([])
  })
})

test('the service’s policy has five actions on its own keys of one bucket and no others', () => {
  const place = examplePlace.bucket
  const keys = ['security_firms/*', 'quarantine/*', 'test/connection_test.txt']
  expect(policies.service(examplePlace).Statement).toMatchObject([
    { Action: ['s3:ListBucket'], Resource: [`arn:aws:s3:::${place}`] },
    {
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      Resource: keys.map((key) => `arn:aws:s3:::${place}/${key}`),
    },
    { Action: ['s3:GetObject', 's3:PutObject'], Resource: [`arn:aws:s3:::${place}/paniq-documents.json`] },
  ])
})

describe('the code and the policies', () => {
  test('every call of the code is granted by a policy', async () => {
    const calls = (await listCode(['src']))
      .filter(({ path }) => !path.endsWith('.test.ts'))
      .flatMap(({ path, content }) =>
        [...content.matchAll(/new (\w+)Command\(|paginate(\w+)\(/g)].map(([, one, pages]) => ({
          path,
          call: one ?? pages ?? '',
        })),
      )

    expect(new Set(calls.map(({ call }) => call)).size).toBeGreaterThan(15)
    expect(calls.filter(({ call }) => !(call in actionsOf))).toEqual([])
    expect(calls.flatMap(({ call }) => actionsOf[call] ?? []).filter((action) => !given.has(action))).toEqual([])
  })

  test('s3 setup may make the calls of each of its parts', () => {
    const asked = Object.values(setupRights).flatMap((each) => [each.read, each.write, each.clear])
    const givenToSetup = new Set([
      ...actionsIn(policies['s3-setup'](examplePlace)),
      ...actionsIn(policies['s3-setup-replication'](examplePlace)),
    ])

    expect([...asked, ...proofRights].filter((right) => !givenToSetup.has(right))).toEqual([])
  })

  test('every granted action belongs to a call of ours, or to S3 itself', () => {
    const ofS3 = new Set([...actionsIn(policies.replication(examplePlace)), 'kms:Decrypt', 'kms:GenerateDataKey'])
    const ofCalls = new Set(Object.values(actionsOf).flat())

    expect([...given].filter((action) => !ofCalls.has(action) && !ofS3.has(action))).toEqual([])
  })
})

describe('rules that the test gateway cannot check', () => {
  test('the gateway supports none of these policies, and all others are tested there', () => {
    const tried = new Set(Object.keys(may))

    expect(all.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual([
      'kms-write',
      'kms-read',
      's3-setup-replication',
      'replication',
    ])
  })

  // The gateway accepts tags and ACLs in a PutObject without a permission, and does not know the other actions.
  test.each([
    ['s3:PutObjectTagging', []],
    ['s3:PutObjectAcl', []],
    ['s3:PutObjectRetention', []],
    ['s3:BypassGovernanceRetention', []],
    ['s3:PutBucketNotification', []],
    ['s3:PutBucketWebsite', []],
    ['s3:PutBucketLogging', []],
    ['s3:PutBucketOwnershipControls', []],
    ['s3:PutInventoryConfiguration', []],
    ['s3:RestoreObject', []],
    ['s3:PutReplicationConfiguration', ['s3-setup-replication']],
    ['s3:ReplicateObject', ['replication']],
    ['iam:PassRole', ['s3-setup-replication']],
    ['kms:GenerateDataKey', ['kms-write']],
    ['kms:Decrypt', ['kms-write', 'kms-read']],
  ])('%s is granted only in %j', (action, names) => {
    expect(whoMay(action)).toEqual(names)
  })

  test('a KMS key can be used only through S3, and a role can be passed only to S3', () => {
    const bound = statements.filter(({ Action }) => Action.some((action) => !action.startsWith('s3:')))

    expect(bound.map(({ Resource, Condition }) => [Resource, Condition?.['StringEquals']])).toEqual([
      [[examplePlace.kmsKey], { 'kms:ViaService': 's3.af-south-1.amazonaws.com' }],
      [[examplePlace.kmsKey], { 'kms:ViaService': 's3.af-south-1.amazonaws.com' }],
      [[examplePlace.replica.role], { 'iam:PassedToService': 's3.amazonaws.com' }],
    ])
  })
})

/** The reason why a statement is too wide; undefined if it is not. */
function objectionTo({ Effect, Action, Resource, ...rest }: Statement): string | undefined {
  if (Effect !== 'Allow') return 'it does not allow'
  if (Object.keys(rest).some((key) => !['Sid', 'Condition'].includes(key))) return 'it says more than it should'
  const action = Action.find((each) => !/^(s3|kms|iam):[A-Z][A-Za-z]+$/.test(each))
  if (action !== undefined) return `${action} is no one action`
  if (Action.includes('s3:ListAllMyBuckets')) return 'it lists every bucket of the account'
  const resource = Resource.find(
    (each) => !/^arn:aws:(s3:::[a-z0-9.-]+(\/([\w.-]+\/)*([\w.-]+|\*(\.[a-z]+)?))?|(kms|iam):[\w:/-]+)$/.test(each),
  )
  return resource === undefined ? undefined : `${resource} is more than one bucket or its keys`
}
