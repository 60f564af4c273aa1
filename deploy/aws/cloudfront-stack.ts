import { type App, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import type { CfnDistribution } from 'aws-cdk-lib/aws-cloudfront'
import type { Construct } from 'constructs'

import { alarm, alarmTopic } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { distributionOf } from './distribution.ts'

const fiveMinutes = 300

/** The distribution in front of the bucket. CloudFront's certificates and figures are in us-east-1, and so is this. */
export function cloudFrontStack(app: App, deployment: Deployment, props: StackProps): Stack {
  const stack = new Stack(app, 'paniq-documents-cloudfront', props)
  const { distribution, linkKey } = distributionOf(stack, deployment)
  linkAlarms(stack, deployment, distribution)
  const outputs = [
    ['DistributionId', distribution.ref, 'Give it as distribution'],
    ['DomainName', distribution.attrDomainName, 'CLOUDFRONT_DOMAIN, or the target of that name'],
    ['KeyPairId', linkKey.ref, 'CLOUDFRONT_KEY_PAIR_ID'],
  ] as const
  for (const [name, value, description] of outputs) new CfnOutput(stack, name, { value, description })
  return stack
}

function linkAlarms(scope: Construct, { alarmEmail }: Deployment, distribution: CfnDistribution): void {
  const topic = alarmTopic(scope, alarmEmail)
  const rate = {
    namespace: 'AWS/CloudFront',
    dimensions: { DistributionId: distribution.ref, Region: 'Global' },
    statistic: 'Average',
    period: fiveMinutes,
    evaluationPeriods: 3,
  }
  alarm(scope, 'LinksFail', topic, {
    ...rate,
    alarmDescription: 'One link in a hundred and more fails with 5xx: S3 does not answer CloudFront.',
    metricName: '5xxErrorRate',
    threshold: 1,
  })
  alarm(scope, 'LinksAreRefused', topic, {
    ...rate,
    alarmDescription:
      'One link in five and more is refused: the key of links, the bucket’s policy or KMS; or somebody tries addresses.',
    metricName: '4xxErrorRate',
    threshold: 20,
  })
}
