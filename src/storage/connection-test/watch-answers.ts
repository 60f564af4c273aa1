import type { S3Client } from '@aws-sdk/client-s3'

/** What the latest answer's headers said, whether it was a refusal or not. */
export type SeenAnswers = {
  /** How far this machine's clock is ahead of S3's; negative when behind. Undefined before the first answer. */
  clockAheadMs: number | undefined
  /** Amazon names the bucket's region also, and above all, when the request went to another. */
  bucketRegion: string | undefined
}

export function watchAnswers(client: S3Client): SeenAnswers {
  const seen: SeenAnswers = { clockAheadMs: undefined, bucketRegion: undefined }
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const headers = headersOf(result.response)
      const date = Date.parse(headers['date'] ?? '')
      if (!Number.isNaN(date)) seen.clockAheadMs = Date.now() - date
      seen.bucketRegion = headers['x-amz-bucket-region'] ?? seen.bucketRegion
      return result
    },
    // Low: within the SDK's own, which makes an error of a refusal and drops the headers of the rest.
    { name: 'watchAnswers', step: 'deserialize', priority: 'low' },
  )
  return seen
}

function headersOf(response: unknown): Record<string, string> {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return {}
  // The SDK's own answer, whose type it leaves unknown: headers by their lower-case names.
  return response.headers as Record<string, string>
}
