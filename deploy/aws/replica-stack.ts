import { type App, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'

import type { Deployment } from './deployment.ts'
import { papersBucket } from './documents-bucket.ts'
import { papersKey } from './documents-key.ts'

/** The copy of every document in another region, under its own key. */
export function replicaStack(app: App, deployment: Deployment, props: StackProps): Stack {
  const stack = new Stack(app, 'paniq-documents-replica', props)
  const { account, replica, noncurrentDays } = deployment
  const key = papersKey(stack, { account, description: `Copies of documents in ${replica.bucket}` })
  papersBucket(stack, { name: replica.bucket, region: replica.region, kmsKey: key.attrArn, noncurrentDays })
  new CfnOutput(stack, 'ReplicaKey', { value: key.attrArn, description: 'Give it as replicaKey' })
  return stack
}
