import { CfnAlarm, type CfnAlarmProps } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnTopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

export type Dimensions = Record<string, string>
export type AlarmWish = Pick<CfnAlarmProps, 'alarmDescription' | 'evaluationPeriods' | 'threshold'> &
  Partial<Omit<CfnAlarmProps, 'dimensions'>> & { dimensions?: Dimensions }

export function alarmTopic(scope: Construct, email: string | undefined): CfnTopic {
  const subscription = email === undefined ? [] : [{ protocol: 'email', endpoint: email }]
  return new CfnTopic(scope, 'Alarms', { displayName: 'Documents', subscription })
}

/** Notifies the topic when it begins and when it ends. A period without measurements is no alarm. */
export function alarm(scope: Construct, name: string, topic: CfnTopic, { dimensions, ...wish }: AlarmWish): CfnAlarm {
  return new CfnAlarm(scope, name, {
    comparisonOperator: 'GreaterThanOrEqualToThreshold',
    treatMissingData: 'notBreaching',
    alarmActions: [topic.ref],
    okActions: [topic.ref],
    ...wish,
    ...(dimensions && { dimensions: dimensionsOf(dimensions) }),
  })
}

export function dimensionsOf(dimensions: Dimensions): { name: string; value: string }[] {
  return Object.entries(dimensions).map(([name, value]) => ({ name, value }))
}
