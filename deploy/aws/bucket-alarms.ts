import type { CfnTopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

import { replicationRule } from '../../src/storage/bucket-setup/bucket-rules.ts'
import { alarm, alarmTopic, dimensionsOf } from './alarms.ts'
import type { Deployment } from './deployment.ts'

/** S3 counts a bucket's requests, for money, where this asks it to. */
export const wholeBucket = { id: 'EntireBucket' }

const [fiveMinutes, day] = [300, 86_400]
const gb = 1024 ** 3
/** The storage classes of documents; S3 counts each class separately. */
const storageTypes = ['StandardStorage', 'StandardIAStorage'] as const

export function bucketAlarms(scope: Construct, deployment: Deployment): void {
  const topic = alarmTopic(scope, deployment.alarmEmail)
  requestAlarms(scope, topic, deployment)
  replicationAlarms(scope, topic, deployment)
  growthAlarm(scope, topic, deployment)
}

function requestAlarms(scope: Construct, topic: CfnTopic, { bucket }: Deployment): void {
  const requests = {
    namespace: 'AWS/S3',
    dimensions: { BucketName: bucket, FilterId: wholeBucket.id },
    statistic: 'Sum',
    period: fiveMinutes,
  }
  alarm(scope, 'BucketFails', topic, {
    ...requests,
    alarmDescription: 'S3 fails: uploads wait on the local disk, or are refused where S3_FALLBACK is off.',
    metricName: '5xxErrors',
    threshold: 10,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
  })
  alarm(scope, 'BucketRefuses', topic, {
    ...requests,
    alarmDescription:
      'S3 refuses much: a right that is missing, credentials that are over, links that are too old; or somebody tries keys.',
    metricName: '4xxErrors',
    threshold: 100,
    evaluationPeriods: 3,
    datapointsToAlarm: 2,
  })
}

function replicationAlarms(scope: Construct, topic: CfnTopic, { bucket, replica }: Deployment): void {
  const rule = replicationRule({ bucketArn: '', kmsKey: undefined, followsDeletes: true }, 1)
  const replication = {
    namespace: 'AWS/S3',
    dimensions: { SourceBucket: bucket, DestinationBucket: replica.bucket, RuleId: rule.ID },
    period: fiveMinutes,
  }
  alarm(scope, 'ReplicaLags', topic, {
    ...replication,
    alarmDescription: 'The copy in the other region is a quarter of an hour behind.',
    metricName: 'ReplicationLatency',
    statistic: 'Maximum',
    threshold: 900,
    evaluationPeriods: 3,
  })
  alarm(scope, 'ReplicationFails', topic, {
    ...replication,
    alarmDescription: 'A document was not copied to the other region, and S3 does not retry by itself.',
    metricName: 'OperationsFailedReplication',
    statistic: 'Sum',
    threshold: 1,
    evaluationPeriods: 1,
  })
}

/** S3 publishes the size once a day. */
function growthAlarm(scope: Construct, topic: CfnTopic, { bucket, growthGb }: Deployment): void {
  const sizes = storageTypes.map((type, index) => ({
    id: `size${index}`,
    returnData: false,
    metricStat: {
      metric: {
        namespace: 'AWS/S3',
        metricName: 'BucketSizeBytes',
        dimensions: dimensionsOf({ BucketName: bucket, StorageType: type }),
      },
      period: day,
      stat: 'Average',
    },
  }))
  alarm(scope, 'BucketGrows', topic, {
    alarmDescription: `The bucket grew by ${growthGb} GB and more in a day.`,
    metrics: [
      ...sizes,
      // S3 publishes no metric for an empty class.
      { id: 'size', expression: `SUM([${sizes.map(({ id }) => `FILL(${id}, 0)`).join(', ')}])`, returnData: false },
      { id: 'growth', expression: 'DIFF(size)', label: 'growth in a day' },
    ],
    threshold: growthGb * gb,
    evaluationPeriods: 1,
  })
}
