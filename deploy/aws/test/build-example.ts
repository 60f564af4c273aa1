import { generateKeyPairSync } from 'node:crypto'

import { Template } from 'aws-cdk-lib/assertions'

import { buildApp } from '../build-app.ts'

export const account = '123456789012'
export const made = {
  replicaKey: `arn:aws:kms:eu-west-1:${account}:key/0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b`,
  distribution: 'E2QWRUHAPOMQZL',
}
export const linkKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  .publicKey.export({ format: 'pem', type: 'spki' })
  .toString()

/** All that has no default; the stack of the documents, too. */
export const enough = { account, bucket: 'documents', replicaRegion: 'eu-west-1', linkKey, ...made }

/** The stacks of a deployment with this context, as CloudFormation gets them. */
export function buildExample(more: Record<string, unknown> = {}) {
  const { replica, cloudFront, documents } = buildApp({ context: { ...enough, ...more } })
  if (documents === undefined) throw new Error('the example names what the other stacks made')
  return {
    replica: Template.fromStack(replica),
    cloudFront: Template.fromStack(cloudFront),
    documents: Template.fromStack(documents),
  }
}

/** The one resource of a kind: its properties. */
export function propertiesOf(template: Template, type: string): Record<string, unknown> {
  const found = Object.values(template.findResources(type))
  const [only] = found
  if (only === undefined || found.length > 1) throw new Error(`there are ${found.length} of ${type}`)
  return only['Properties'] as Record<string, unknown> // a resource of CloudFormation's has this form
}
