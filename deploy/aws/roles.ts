import { CfnRole } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'

import { policies, type Place, type Policy, type PolicyName } from '../policies/statements.ts'

/** Where things are that this deployment has; what it lacks needs no role. */
export type KnownPlace = Omit<Place, 'heads' | 'backups'> & Partial<Pick<Place, 'heads' | 'backups'>>

/** Which of the policies of deploy/policies each role has, and who takes it. */
const roles = {
  Service: {
    takenBy: 'service',
    policies: ['service', 'service-lifecycle', 'service-unfinished-uploads', 'kms-write', 'service-audit-heads'],
  },
  Backup: { takenBy: 'service', policies: ['backup', 'kms-read'] },
  BackupVerify: { takenBy: 'operator', policies: ['backup-verify'] },
  BackupVerifyRepair: { takenBy: 'operator', policies: ['backup-verify-repair'] },
  BackupRestore: { takenBy: 'operator', policies: ['backup-restore', 'kms-write'] },
  AuditVerify: { takenBy: 'operator', policies: ['audit-verify'] },
  S3Test: { takenBy: 'operator', policies: ['s3-test', 'kms-write'] },
  S3Setup: { takenBy: 'operator', policies: ['s3-setup', 'kms-write'] },
  PurgeNow: { takenBy: 'operator', policies: ['purge-now', 'kms-read'] },
} as const satisfies Record<string, { takenBy: 'service' | 'operator'; policies: PolicyName[] }>

export type RoleName = keyof typeof roles

type Takers = { account: string; runsAs: string }

/** A role for the service and one for each command that has a policy of its own. An operator takes theirs with a second factor. */
export function commandRoles(scope: Construct, place: KnownPlace, takers: Takers): Partial<Record<RoleName, CfnRole>> {
  const made: Partial<Record<RoleName, CfnRole>> = {}
  for (const [name, { takenBy, policies: names }] of Object.entries(roles) as [RoleName, (typeof roles)[RoleName]][]) {
    const given = names.filter((each) => isKnown(place, each))
    const [first] = names
    // Without its first policy a role is of no use.
    if (!given.some((each) => each === first)) continue
    made[name] = new CfnRole(scope, `${name}Role`, {
      description: `Paniq Documents: ${names.join(', ')}`,
      assumeRolePolicyDocument: takenBy === 'service' ? trustService(takers.runsAs) : trustOperators(takers.account),
      policies: given.map((each) => ({ policyName: each, policyDocument: policyOf(each, place) })),
    })
  }
  return made
}

export function trustService(service: string): object {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
  }
}

function trustOperators(account: string): object {
  const Condition = { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }
  const Principal = { AWS: `arn:aws:iam::${account}:root` }
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }] }
}

function isKnown(place: KnownPlace, name: PolicyName): boolean {
  if (name.startsWith('backup')) return place.backups !== undefined
  if (name.includes('audit')) return place.heads !== undefined
  return true
}

/** Asked only of what is known. */
function policyOf(name: PolicyName, place: KnownPlace): Policy {
  const nowhere = { bucket: '', prefix: '' }
  return policies[name]({ heads: nowhere, backups: nowhere, ...place })
}
