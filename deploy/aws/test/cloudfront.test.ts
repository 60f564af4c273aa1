import { expect, test } from 'vitest'

import cachePolicy from '../../cloudfront/cache-policy.json' with { type: 'json' }
import responseHeaders from '../../cloudfront/response-headers-policy.json' with { type: 'json' }
import { buildExample, linkKey, propertiesOf } from './build-example.ts'

const { cloudFront } = buildExample()
const refOf = (type: string) => ({ Ref: Object.keys(cloudFront.findResources(type))[0] })
const configOf = (template: typeof cloudFront) =>
  propertiesOf(template, 'AWS::CloudFront::Distribution')['DistributionConfig'] as Record<string, unknown>

test('nobody gets anything without a link of the service’s, and nothing but GET and HEAD over TLS', () => {
  expect(configOf(cloudFront)).toMatchObject({
    Enabled: true,
    DefaultCacheBehavior: {
      TrustedKeyGroups: [refOf('AWS::CloudFront::KeyGroup')],
      ViewerProtocolPolicy: 'https-only',
      AllowedMethods: ['GET', 'HEAD'],
      Compress: false,
      CachePolicyId: refOf('AWS::CloudFront::CachePolicy'),
      ResponseHeadersPolicyId: refOf('AWS::CloudFront::ResponseHeadersPolicy'),
    },
  })
  // No other behavior, by which a document could be had without a signature.
  expect(configOf(cloudFront)).not.toHaveProperty('CacheBehaviors')
  expect(propertiesOf(cloudFront, 'AWS::CloudFront::KeyGroup')).toMatchObject({
    KeyGroupConfig: { Items: [refOf('AWS::CloudFront::PublicKey')] },
  })
  expect(propertiesOf(cloudFront, 'AWS::CloudFront::PublicKey')).toMatchObject({
    PublicKeyConfig: { EncodedKey: linkKey },
  })
})

test('it asks the bucket by its S3 name, and signs every request', () => {
  const control = Object.keys(cloudFront.findResources('AWS::CloudFront::OriginAccessControl'))[0]
  expect(configOf(cloudFront)['Origins']).toEqual([
    {
      Id: 'documents',
      DomainName: 'documents.s3.af-south-1.amazonaws.com',
      OriginAccessControlId: { 'Fn::GetAtt': [control, 'Id'] },
      S3OriginConfig: { OriginAccessIdentity: '' },
    },
  ])
  expect(propertiesOf(cloudFront, 'AWS::CloudFront::OriginAccessControl')).toMatchObject({
    OriginAccessControlConfig: {
      OriginAccessControlOriginType: 's3',
      SigningBehavior: 'always',
      SigningProtocol: 'sigv4',
    },
  })
})

test('it caches nothing, and name and type in a link go on to S3 and distinguish requests', () => {
  const { CachePolicyConfig: config } = propertiesOf(cloudFront, 'AWS::CloudFront::CachePolicy')
  expect(config).toEqual({
    ...cachePolicy,
    Name: 'documents-documents',
    ParametersInCacheKeyAndForwardedToOrigin: {
      ...cachePolicy.ParametersInCacheKeyAndForwardedToOrigin,
      QueryStringsConfig: {
        QueryStringBehavior: 'whitelist',
        QueryStrings: ['response-content-disposition', 'response-content-type'],
      },
    },
  })
  expect(config).toMatchObject({ MinTTL: 0, DefaultTTL: 0 })
})

test('CloudFront takes keys beside a TTL only where the longest is not 0', () => {
  expect(cachePolicy.MaxTTL).toBe(1)
})

test('it adds the headers of deploy/cloudfront', () => {
  const { CustomHeadersConfig: custom, ...rest } = responseHeaders
  expect(propertiesOf(cloudFront, 'AWS::CloudFront::ResponseHeadersPolicy')['ResponseHeadersPolicyConfig']).toEqual({
    ...rest,
    Name: 'documents-documents',
    CustomHeadersConfig: { Items: custom.Items },
  })
})

test('with a name and a certificate people reach it under that name', () => {
  const certificate = 'arn:aws:acm:us-east-1:123456789012:certificate/0b8f6f0e'
  expect(configOf(buildExample({ domain: 'documents.example.com', certificate }).cloudFront)).toMatchObject({
    Aliases: ['documents.example.com'],
    ViewerCertificate: {
      AcmCertificateArn: certificate,
      MinimumProtocolVersion: 'TLSv1.2_2021',
      SslSupportMethod: 'sni-only',
    },
  })
  expect(configOf(cloudFront)).not.toHaveProperty('Aliases')
})

test('the values for the settings of the service are printed', () => {
  expect(cloudFront.findOutputs('KeyPairId')).toMatchObject({
    KeyPairId: { Value: refOf('AWS::CloudFront::PublicKey') },
  })
  expect(Object.keys(cloudFront.findOutputs('*')).toSorted()).toEqual(['DistributionId', 'DomainName', 'KeyPairId'])
})
