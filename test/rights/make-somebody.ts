import { randomBytes } from 'node:crypto'

import type { Policy } from '../../deploy/policies/statements.ts'
import { callGateway } from '../support/services/programs/call-gateway.ts'
import type { S3Address, S3Credentials } from '../support/services/packages/service-addresses.ts'

export const kinds = ['user', 'role'] as const
export type Kind = (typeof kinds)[number]

/** A user of the gateway with these policies. */
export async function makeSomebody(s3: S3Address, kind: Kind, policies: Policy[]): Promise<S3Credentials> {
  const name = `test-${randomBytes(6).toString('hex')}`
  const person = await makeUser(s3, name)
  if (kind === 'role') return makeRole(s3, name, { person, policies })

  await attach(s3, policies, (policy, index) => ({
    Action: 'PutUserPolicy',
    UserName: name,
    PolicyName: `policy-${index}`,
    PolicyDocument: policy,
  }))
  return makeSubuser(s3, name)
}

async function makeUser(s3: S3Address, name: string): Promise<S3Credentials> {
  const keys = newKeys()
  await administer(s3, { uid: name, 'display-name': name, ...inWords(keys) })
  return keys
}

/**
 * The gateway lets a user do everything with the objects that they wrote, through access control lists, which cannot be
 * switched off. A subuser without access has only the permissions of its user's policies.
 */
async function makeSubuser(s3: S3Address, name: string): Promise<S3Credentials> {
  const keys = newKeys()
  await administer(s3, { subuser: `${name}:s`, uid: name, 'key-type': 's3', ...inWords(keys) })
  return keys
}

type Taking = { person: S3Credentials; policies: Policy[] }

/** As at Amazon, an assumed role has only its own permissions. */
async function makeRole(s3: S3Address, name: string, { person, policies }: Taking): Promise<S3Credentials> {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: [`arn:aws:iam:::user/${name}`] }, Action: ['sts:AssumeRole'] }],
  }
  await ask(s3, s3.owner, { Action: 'CreateRole', RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) })
  await attach(s3, policies, (policy, index) => ({
    Action: 'PutRolePolicy',
    RoleName: name,
    PolicyName: `policy-${index}`,
    PolicyDocument: policy,
  }))
  const session = await ask(s3, person, {
    Action: 'AssumeRole',
    RoleArn: `arn:aws:iam:::role/${name}`,
    RoleSessionName: name,
  })
  const read = (word: string) => new RegExp(`<${word}>(.*?)</${word}>`).exec(session)?.[1] ?? ''
  return {
    accessKeyId: read('AccessKeyId'),
    secretAccessKey: read('SecretAccessKey'),
    sessionToken: read('SessionToken'),
  }
}

async function attach(
  s3: S3Address,
  policies: Policy[],
  formOf: (policy: string, index: number) => Record<string, string>,
): Promise<void> {
  for (const [index, policy] of policies.entries()) await ask(s3, s3.owner, formOf(asTheGatewayHasIt(policy), index))
}

/** The gateway rejects Amazon's name of these actions, and has another one. */
function asTheGatewayHasIt(policy: Policy): string {
  return JSON.stringify(policy).replaceAll(/s3:(Get|Put)EncryptionConfiguration/g, 's3:$1BucketEncryption')
}

function ask(s3: S3Address, keys: S3Credentials, form: Record<string, string>): Promise<string> {
  return callGateway(s3, keys, { method: 'POST', form })
}

function administer(s3: S3Address, query: Record<string, string>): Promise<string> {
  return callGateway(s3, s3.owner, { method: 'PUT', path: '/admin/user', query })
}

function newKeys(): S3Credentials {
  return {
    accessKeyId: randomBytes(10).toString('hex').toUpperCase(),
    secretAccessKey: randomBytes(20).toString('hex'),
  }
}

function inWords({ accessKeyId, secretAccessKey }: S3Credentials): Record<string, string> {
  return { 'access-key': accessKeyId, 'secret-key': secretAccessKey }
}
