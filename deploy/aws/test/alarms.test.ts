import type { Template } from 'aws-cdk-lib/assertions'
import { expect, test } from 'vitest'

import { buildExample, propertiesOf } from './build-example.ts'

const { documents, cloudFront } = buildExample({ alarmEmail: 'ops@example.com', growthGb: 3 })

const requests = { BucketName: 'documents', FilterId: 'EntireBucket' }
const copies = { SourceBucket: 'documents', DestinationBucket: 'documents-replica', RuleId: 'paniq-replica' }

test.each([
  ['S3 fails', '5xxErrors', requests],
  ['S3 refuses', '4xxErrors', requests],
  ['the copy lags', 'ReplicationLatency', copies],
  ['a copy fails', 'OperationsFailedReplication', copies],
])('somebody is notified when %s', (_what, metric, dimensions) => {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }))
  expect(alarmsIn(documents)).toContainEqual(
    expect.objectContaining({ Namespace: 'AWS/S3', MetricName: metric, Dimensions }),
  )
})

test.each(['5xxErrorRate', '4xxErrorRate'])('somebody is notified of %s of the distribution', (metric) => {
  const [distribution] = Object.keys(cloudFront.findResources('AWS::CloudFront::Distribution'))
  const Dimensions = [
    { Name: 'DistributionId', Value: { Ref: distribution } },
    { Name: 'Region', Value: 'Global' },
  ]
  expect(alarmsIn(cloudFront)).toContainEqual(
    expect.objectContaining({ Namespace: 'AWS/CloudFront', MetricName: metric, Dimensions }),
  )
})

test('somebody is notified when the bucket grows by so much in a day, whatever class it grows in', () => {
  const growth = alarmsIn(documents).find((each) => 'Metrics' in each)
  expect(growth).toMatchObject({
    Threshold: 3 * 1024 ** 3,
    Metrics: [
      { Id: 'size0', ReturnData: false, MetricStat: { Metric: { MetricName: 'BucketSizeBytes' }, Period: 86_400 } },
      { Id: 'size1', ReturnData: false, MetricStat: { Metric: { MetricName: 'BucketSizeBytes' }, Period: 86_400 } },
      { Id: 'size', Expression: 'SUM([FILL(size0, 0), FILL(size1, 0)])', ReturnData: false },
      { Id: 'growth', Expression: 'DIFF(size)' },
    ],
  })
  expect(JSON.stringify(growth)).toMatch(/StandardStorage.*StandardIAStorage/)
})

test('requests are counted where an alarm looks at them', () => {
  expect(propertiesOf(documents, 'AWS::S3::Bucket')['MetricsConfigurations']).toEqual([{ Id: requests.FilterId }])
})

test.each([
  ['documents', documents, 5],
  ['CloudFront', cloudFront, 2],
] as const)(
  'every alarm of the stack of %s notifies the topic, which notifies the address',
  (_name, template, count) => {
    const [topic] = Object.keys(template.findResources('AWS::SNS::Topic'))
    const alarms = alarmsIn(template)
    expect(alarms).toHaveLength(count)
    for (const each of alarms)
      expect(each).toMatchObject({ AlarmActions: [{ Ref: topic }], TreatMissingData: 'notBreaching' })
    expect(propertiesOf(template, 'AWS::SNS::Topic')['Subscription']).toEqual([
      { Protocol: 'email', Endpoint: 'ops@example.com' },
    ])
  },
)

function alarmsIn(template: Template): object[] {
  return Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties as object)
}
