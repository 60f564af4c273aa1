import {
  CfnCachePolicy,
  CfnDistribution,
  CfnKeyGroup,
  CfnOriginAccessControl,
  CfnPublicKey,
  CfnResponseHeadersPolicy,
} from 'aws-cdk-lib/aws-cloudfront'
import type { Construct } from 'constructs'

import type { Deployment } from './deployment.ts'
import { behaviorOf, cachePolicyOf, responseHeadersOf } from './distribution-configuration.ts'

/** A distribution that serves documents to holders of a link signed with this key. */
export function distributionOf(scope: Construct, deployment: Deployment) {
  const { bucket, domain } = deployment
  const linkKey = new CfnPublicKey(scope, 'LinkKey', {
    publicKeyConfig: { name: `${bucket}-links`, callerReference: 'links', encodedKey: deployment.linkKey },
  })
  const distribution = new CfnDistribution(scope, 'Distribution', {
    distributionConfig: {
      enabled: true,
      comment: `Documents in ${bucket}`,
      httpVersion: 'http2and3',
      ipv6Enabled: true,
      priceClass: 'PriceClass_All',
      ...(domain && reachedAs(domain)),
      origins: [bucketOrigin(scope, deployment)],
      defaultCacheBehavior: behaviorOf(policiesOf(scope, bucket, linkKey)),
    },
  })
  return { distribution, linkKey }
}

function bucketOrigin(scope: Construct, { bucket, region }: Deployment): CfnDistribution.OriginProperty {
  const control = new CfnOriginAccessControl(scope, 'OriginAccessControl', {
    originAccessControlConfig: {
      name: bucket,
      originAccessControlOriginType: 's3',
      signingBehavior: 'always',
      signingProtocol: 'sigv4',
    },
  })
  return {
    id: 'documents',
    domainName: `${bucket}.s3.${region}.amazonaws.com`,
    originAccessControlId: control.attrId,
    // Of the way before there were access controls; it must be there, and empty.
    s3OriginConfig: { originAccessIdentity: '' },
  }
}

function policiesOf(scope: Construct, bucket: string, linkKey: CfnPublicKey) {
  const keyGroup = new CfnKeyGroup(scope, 'KeyGroup', {
    keyGroupConfig: { name: `${bucket}-links`, items: [linkKey.ref] },
  })
  const cachePolicy = new CfnCachePolicy(scope, 'CachePolicy', { cachePolicyConfig: cachePolicyOf(bucket) })
  const responseHeaders = new CfnResponseHeadersPolicy(scope, 'ResponseHeadersPolicy', {
    responseHeadersPolicyConfig: responseHeadersOf(bucket),
  })
  return { keyGroup: keyGroup.ref, cachePolicy: cachePolicy.ref, responseHeaders: responseHeaders.ref }
}

function reachedAs({ name, certificate }: NonNullable<Deployment['domain']>) {
  return {
    aliases: [name],
    viewerCertificate: {
      acmCertificateArn: certificate,
      minimumProtocolVersion: 'TLSv1.2_2021',
      sslSupportMethod: 'sni-only',
    },
  }
}
