import { randomBytes } from 'node:crypto'

import type { Policy } from '../../deploy/policies/statements.ts'
import { callGateway } from '../support/services/programs/call-gateway.ts'
import type { S3Address, S3Credentials } from '../support/services/packages/service-addresses.ts'

export const kinds = ['user', 'role'] as const
export type Kind = (typeof kinds)[number]

/** Somebody at the gateway who may do what these policies say. */
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
 * The gateway lets a user do everything with what they wrote, by the lists of access of old, and has no way to switch
 * those off. A subuser without any such access is left with what the policies of its user say.
 */
async function makeSubuser(s3: S3Address, name: string): Promise<S3Credentials> {
  const keys = newKeys()
  await administer(s3, { subuser: `${name}:s`, uid: name, 'key-type': 's3', ...inWords(keys) })
  return keys
}

type Taking = { person: S3Credentials; policies: Policy[] }

/** As at Amazon, who has taken a role has its rights alone. */
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

/** It refuses a policy with Amazon's name of these rights, and has one of its own for the same. */
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
