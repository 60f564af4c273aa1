import type { CfnCachePolicy, CfnDistribution, CfnResponseHeadersPolicy } from 'aws-cdk-lib/aws-cloudfront'

import behavior from '../cloudfront/behavior.json' with { type: 'json' }
import bucketPolicy from '../cloudfront/bucket-policy.json' with { type: 'json' }
import cachePolicy from '../cloudfront/cache-policy.json' with { type: 'json' }
import responseHeaders from '../cloudfront/response-headers-policy.json' with { type: 'json' }

/** The files of deploy/cloudfront as properties of CloudFormation. */

export function cachePolicyOf(name: string): CfnCachePolicy.CachePolicyConfigProperty {
  const { ParametersInCacheKeyAndForwardedToOrigin: parameters } = cachePolicy
  return {
    name: `${name}-documents`,
    comment: cachePolicy.Comment,
    minTtl: cachePolicy.MinTTL,
    defaultTtl: cachePolicy.DefaultTTL,
    maxTtl: cachePolicy.MaxTTL,
    parametersInCacheKeyAndForwardedToOrigin: {
      enableAcceptEncodingGzip: parameters.EnableAcceptEncodingGzip,
      enableAcceptEncodingBrotli: parameters.EnableAcceptEncodingBrotli,
      headersConfig: { headerBehavior: parameters.HeadersConfig.HeaderBehavior },
      cookiesConfig: { cookieBehavior: parameters.CookiesConfig.CookieBehavior },
      queryStringsConfig: {
        queryStringBehavior: parameters.QueryStringsConfig.QueryStringBehavior,
        queryStrings: parameters.QueryStringsConfig.QueryStrings.Items,
      },
    },
  }
}

export function responseHeadersOf(name: string): CfnResponseHeadersPolicy.ResponseHeadersPolicyConfigProperty {
  const { SecurityHeadersConfig: security, CustomHeadersConfig: custom } = responseHeaders
  return {
    name: `${name}-documents`,
    comment: responseHeaders.Comment,
    securityHeadersConfig: {
      contentTypeOptions: { override: security.ContentTypeOptions.Override },
      contentSecurityPolicy: {
        override: security.ContentSecurityPolicy.Override,
        contentSecurityPolicy: security.ContentSecurityPolicy.ContentSecurityPolicy,
      },
      frameOptions: { override: security.FrameOptions.Override, frameOption: security.FrameOptions.FrameOption },
      referrerPolicy: {
        override: security.ReferrerPolicy.Override,
        referrerPolicy: security.ReferrerPolicy.ReferrerPolicy,
      },
      strictTransportSecurity: {
        override: security.StrictTransportSecurity.Override,
        accessControlMaxAgeSec: security.StrictTransportSecurity.AccessControlMaxAgeSec,
      },
    },
    customHeadersConfig: {
      items: custom.Items.map(({ Header, Value, Override }) => ({ header: Header, value: Value, override: Override })),
    },
  }
}

type Ids = { keyGroup: string; cachePolicy: string; responseHeaders: string }

export function behaviorOf(ids: Ids): CfnDistribution.DefaultCacheBehaviorProperty {
  const { AllowedMethods: methods } = behavior
  return {
    targetOriginId: behavior.TargetOriginId,
    viewerProtocolPolicy: behavior.ViewerProtocolPolicy,
    allowedMethods: methods.Items,
    cachedMethods: methods.CachedMethods.Items,
    compress: behavior.Compress,
    trustedKeyGroups: [ids.keyGroup],
    cachePolicyId: ids.cachePolicy,
    responseHeadersPolicyId: ids.responseHeaders,
  }
}

/** Lets the distribution read documents, and nothing else in the bucket. */
export function distributionReads({ bucket, distribution }: { bucket: string; distribution: string }): object[] {
  return bucketPolicy.Statement.map(({ Sid, Effect, Principal, Action, Resource }) => ({
    Sid,
    Effect,
    Principal,
    Action,
    Resource: Resource.replace('BUCKET', bucket),
    Condition: { StringEquals: { 'AWS:SourceArn': distribution } },
  }))
}

export function distributionArn(account: string, id: string): string {
  return `arn:aws:cloudfront::${account}:distribution/${id}`
}
