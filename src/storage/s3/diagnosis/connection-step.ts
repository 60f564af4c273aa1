import type { S3Client } from '@aws-sdk/client-s3'

import type { S3Config } from '../../../config/config.ts'

const stepNames = [
  'credentials',
  'bucket',
  'clock',
  'list',
  'put',
  'get',
  'presigned_get',
  'delete',
  'abort_multipart',
  'safeguards',
  'cors',
] as const
export type StepName = (typeof stepNames)[number]

/** `note`: worth knowing, but no failure. `skipped`: an earlier step failed, or the step is not needed. */
export type Outcome = 'ok' | 'failed' | 'note' | 'skipped'

export type Finding = { outcome: Outcome; message: string; advice?: string }
export type StepResult = Finding & { step: StepName }

export type ConnectionTest = {
  config: S3Config
  corsOrigins: string[]
  client: S3Client
  seen: ResponseFacts
}

/** One check of the connection. An error is explained as the missing `right`, or by its S3 code. */
export type ConnectionStep = {
  step: StepName
  /** The message when the step succeeds without a finding of its own. */
  title: string
  /** The steps that must succeed first. */
  after: StepName[]
  right: string
  run(test: ConnectionTest): Promise<Finding | 'ok'>
}

export const testKey = 'test/connection_test.txt'
export const testText = 'Paniq Documents wrote this to test the connection. It may be deleted.\n'

/** Facts from the headers of the latest answer, including error answers. */
export type ResponseFacts = {
  /** How far this machine's clock is ahead of S3's; negative when behind. Undefined before the first answer. */
  clockAheadMs: number | undefined
  /** Amazon names the bucket's region, especially when the request went to another region. */
  bucketRegion: string | undefined
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

/** Creates a function that removes the client's credentials from a text, because a store may repeat them in an error. */
export async function createSecretRedactor(client: S3Client): Promise<(text: string) => string> {
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials()
  const secrets = [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])]
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), text)
}

export function redactFinding<Text extends { message?: string; advice?: string }>(
  text: Text,
  hide: (text: string) => string,
): Text {
  return {
    ...text,
    ...(text.message === undefined ? {} : { message: hide(text.message) }),
    ...(text.advice === undefined ? {} : { advice: hide(text.advice) }),
  }
}

// S3 rejects requests after 15 minutes, but the lifetime of links is wrong much earlier.
const maxClockOffsetMs = 60_000

export const clockAdvice = 'Set this machine’s clock and synchronize it, for example: timedatectl set-ntp true'

/** Compares this machine's clock with the one in S3's answers. */
export const checkClock: ConnectionStep = {
  step: 'clock',
  title: 'Clock agrees with the clock of S3',
  after: ['credentials'],
  right: '',
  async run({ seen: { clockAheadMs } }) {
    if (clockAheadMs === undefined)
      return { outcome: 'skipped', message: 'Clock: not compared, because no S3 answered' }
    if (Math.abs(clockAheadMs) <= maxClockOffsetMs) return 'ok'
    return { outcome: 'failed', message: `This machine’s clock is ${describeClock(clockAheadMs)}`, advice: clockAdvice }
  },
}

/** `1 min 5 s behind S3`. */
export function describeClock(aheadMs: number): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const time = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`)
  return `${time.join(' ') || '0 s'} ${aheadMs < 0 ? 'behind' : 'ahead of'} S3`
}
