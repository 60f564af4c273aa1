import type { S3Client } from '@aws-sdk/client-s3'

import type { S3Config } from '../../../config/load-config.ts'
import { type S3Failure, s3FailureOf } from '../requests/s3-errors.ts'

/** Facts from the headers of the latest answer, including error answers. */
export type ResponseFacts = {
  /** How far this machine's clock is ahead of S3's; negative when behind. Undefined before the first answer. */
  clockAheadMs: number | undefined
  /** Amazon names the bucket's region, especially when the request went to another region. */
  bucketRegion: string | undefined
}

/** The facts that explain a failed call to S3. */
export type S3Diagnosis = ResponseFacts &
  Pick<S3Failure, 'trouble' | 's3Code' | 'status'> &
  Pick<S3Config, 'bucket' | 'region' | 'endpoint'> & {
    /** The right that the call needs, such as `s3:PutObject`. */
    right: string
    /** The first line of S3's message, if it has one. */
    line: string | undefined
    isNotS3: boolean
  }

type S3CallFacts = { config: S3Config; seen: ResponseFacts; right: string }

/** Collects the facts about a failed call. A store may repeat credentials in `line`; `redactFacts` removes them. */
export function diagnoseS3(error: unknown, { config, seen, right }: S3CallFacts): S3Diagnosis {
  const { trouble, s3Code, status } = s3FailureOf(error, { hasBody: true })
  // An error of the SDK has the fields of the answer's XML. All are optional and only read, so any error fits.
  const fields: { message?: string; Region?: unknown; Endpoint?: unknown } = error instanceof Error ? error : {}
  const { message = '' } = fields
  const [line = ''] = message.split('\n')
  return {
    trouble,
    s3Code,
    status,
    right,
    bucket: config.bucket,
    region: config.region,
    endpoint: config.endpoint,
    clockAheadMs: seen.clockAheadMs,
    bucketRegion: regionIn(fields) ?? seen.bucketRegion,
    line: line === '' || line === 'UnknownError' ? undefined : line,
    isNotS3: s3Code === 'NotS3' || /XML parse error/.test(message),
  }
}

/** Amazon names the region in a field, or in the endpoint to use instead. */
function regionIn({ Region: region, Endpoint: endpoint }: { Region?: unknown; Endpoint?: unknown }) {
  if (typeof region === 'string' && /^[a-z0-9-]+$/.test(region)) return region
  return typeof endpoint === 'string' ? /[.-]s3[.-]([a-z0-9-]+)\.amazonaws\.com/.exec(endpoint)?.[1] : undefined
}

export function watchResponses(client: S3Client): ResponseFacts {
  const seen: ResponseFacts = { clockAheadMs: undefined, bucketRegion: undefined }
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const headers = headersOf(result.response)
      const date = Date.parse(headers['date'] ?? '')
      if (!Number.isNaN(date)) seen.clockAheadMs = Date.now() - date
      seen.bucketRegion = headers['x-amz-bucket-region'] ?? seen.bucketRegion
      return result
    },
    // Low priority: the SDK's own middleware turns error answers into errors and drops the headers.
    { name: 'watchAnswers', step: 'deserialize', priority: 'low' },
  )
  return seen
}

function headersOf(response: unknown): Record<string, string> {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return {}
  // The SDK's response has type `unknown`. Its headers have lower-case names.
  return response.headers as Record<string, string>
}

/** Removes the client's credentials from all texts of a value, because a store may repeat them in an error. */
export async function redactFacts<Facts>(client: S3Client, facts: Facts): Promise<Facts> {
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials()
  const secrets = [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])]
  const hide = (value: unknown): unknown => {
    if (typeof value === 'string') return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), value)
    if (Array.isArray(value)) return value.map(hide)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, hide(each)]))
  }
  return hide(facts) as Facts // the same names with the same types
}
