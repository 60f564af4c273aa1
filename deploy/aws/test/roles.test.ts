import type { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'

import { policies, type Place, type PolicyName } from '../../policies/statements.ts'
import { account, buildExample, made } from './build-example.ts'

const heads = { bucket: 'evidence', prefix: 'heads/' }
const backups = { bucket: 'backups', prefix: '' }
const { documents } = buildExample({ heads: 's3://evidence/heads/', backups: 's3://backups/' })
const all = rolesIn(documents)

const attribute = (type: string, name?: string) => {
  const id = Object.keys(documents.findResources(type)).find((each) => name === undefined || each === name)
  return { 'Fn::GetAtt': [id, 'Arn'] }
}
/** Names of the template stand where the source has text. */
const place: Place = JSON.parse(
  JSON.stringify({
    bucket: 'documents',
    region: 'af-south-1',
    kmsKey: attribute('AWS::KMS::Key'),
    heads,
    backups,
    replica: { bucket: 'documents-replica', role: attribute('AWS::IAM::Role', 'ReplicationRole') },
  }),
) as Place // but for those names, which the statements only hand on

describe.each([
  ['ServiceRole', ['service', 'service-lifecycle', 'service-unfinished-uploads', 'kms-write', 'service-audit-heads']],
  ['BackupRole', ['backup', 'kms-read']],
  ['BackupVerifyRole', ['backup-verify']],
  ['BackupVerifyRepairRole', ['backup-verify-repair']],
  ['BackupRestoreRole', ['backup-restore', 'kms-write']],
  ['AuditVerifyRole', ['audit-verify']],
  ['S3TestRole', ['s3-test', 'kms-write']],
  ['S3SetupRole', ['s3-setup', 'kms-write']],
  ['PurgeNowRole', ['purge-now', 'kms-read']],
] as const)('%s', (name, names) => {
  test('has these policies, each as its file has it to the letter, and no other', () => {
    const wanted = names.map((each: PolicyName) => ({ PolicyName: each, PolicyDocument: policies[each](place) }))
    expect(all[name]?.Policies).toEqual(wanted)
    expect(all[name]).not.toHaveProperty('ManagedPolicyArns')
  })
})

test('there is no other role, and no policy outside of these', () => {
  expect(Object.keys(all).toSorted()).toEqual(
    [
      'AuditVerifyRole',
      'BackupRestoreRole',
      'BackupRole',
      'BackupVerifyRepairRole',
      'BackupVerifyRole',
      'PurgeNowRole',
      'ReplicationRole',
      'S3SetupRole',
      'S3TestRole',
      'ServiceRole',
    ].toSorted(),
  )
  for (const type of ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::User'])
    expect(documents.findResources(type)).toEqual({})
})

test('the service may do nothing to its bucket but list, get, put, delete and abort, and read two things about it', () => {
  const statements = all['ServiceRole']?.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement) ?? []
  const actions = new Set(statements.flatMap(({ Action }) => Action))
  expect([...actions].toSorted()).toEqual([
    'kms:Decrypt',
    'kms:GenerateDataKey',
    's3:AbortMultipartUpload',
    's3:DeleteObject',
    's3:GetLifecycleConfiguration',
    's3:GetObject',
    's3:ListBucket',
    's3:ListBucketMultipartUploads',
    's3:PutObject',
  ])
})

test('S3 copies with the rights of its file, reads under one key and writes under the other, each in its region', () => {
  expect(all['ReplicationRole']?.Policies).toEqual([
    { PolicyName: 'replication', PolicyDocument: policies.replication(place) },
    {
      PolicyName: 'kms',
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          ...policies['kms-read'](place).Statement,
          {
            Sid: 'EncryptCopiesThroughS3',
            Effect: 'Allow',
            Action: ['kms:Encrypt', 'kms:GenerateDataKey'],
            Resource: [made.replicaKey],
            Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } },
          },
        ],
      },
    },
  ])
  expect(trustOf('ReplicationRole')).toEqual([{ Service: 's3.amazonaws.com' }, undefined])
})

test('the service’s machine takes its role and that of backups; an operator takes the others with a second factor', () => {
  const withSecondFactor = { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }
  for (const name of ['ServiceRole', 'BackupRole'])
    expect(trustOf(name)).toEqual([{ Service: 'ec2.amazonaws.com' }, undefined])
  for (const name of [
    'PurgeNowRole',
    'S3SetupRole',
    'S3TestRole',
    'BackupVerifyRole',
    'BackupVerifyRepairRole',
    'BackupRestoreRole',
    'AuditVerifyRole',
  ])
    expect(trustOf(name)).toEqual([{ AWS: `arn:aws:iam::${account}:root` }, withSecondFactor])
})

test('what this deployment has no place for has no role', () => {
  const few = rolesIn(buildExample().documents)
  expect(Object.keys(few).toSorted()).toEqual([
    'PurgeNowRole',
    'ReplicationRole',
    'S3SetupRole',
    'S3TestRole',
    'ServiceRole',
  ])
  expect(few['ServiceRole']?.Policies.map(({ PolicyName: name }) => name)).toEqual([
    'service',
    'service-lifecycle',
    'service-unfinished-uploads',
    'kms-write',
  ])
})

type Role = {
  Policies: { PolicyName: string; PolicyDocument: { Statement: { Action: string[] }[] } }[]
  AssumeRolePolicyDocument: { Statement: { Principal: object; Condition?: object }[] }
}

function rolesIn(template: Template): Record<string, Role> {
  const found = Object.entries(template.findResources('AWS::IAM::Role'))
  return Object.fromEntries(found.map(([name, { Properties }]) => [name, Properties as Role])) // the form of CloudFormation
}

function trustOf(name: string) {
  const [statement, ...others] = all[name]?.AssumeRolePolicyDocument.Statement ?? []
  expect(others).toEqual([])
  return [statement?.Principal, statement?.Condition]
}
