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

/** `note`: worth knowing, and no reason to call the connection broken. `skipped`: what it stands on failed, or nobody needs it. */
export type Outcome = 'ok' | 'failed' | 'note' | 'skipped'

export type Finding = { outcome: Outcome; message: string; advice?: string }
export type StepResult = Finding & { step: StepName }

export type ConnectionTest = {
  config: S3Config
  corsOrigins: string[]
  client: S3Client
  seen: ResponseFacts
}

/** One thing to try. What it throws is explained to the operator as the want of `right`, or as what S3 called it. */
export type ConnectionStep = {
  step: StepName
  /** What is said of it when it went well and has nothing more to say. */
  title: string
  /** Not tried unless these went well. */
  after: StepName[]
  right: string
  run(test: ConnectionTest): Promise<Finding | 'ok'>
}

export const testKey = 'test/connection_test.txt'
export const testText = 'Paniq Documents wrote this to see whether it can; it may be removed.\n'

/** What the latest answer's headers said, whether it was a refusal or not. */
export type ResponseFacts = {
  /** How far this machine's clock is ahead of S3's; negative when behind. Undefined before the first answer. */
  clockAheadMs: number | undefined
  /** Amazon names the bucket's region also, and above all, when the request went to another. */
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

/** What takes a client's credentials out of a text: nobody knows what a store repeats of what it was sent. */
export async function createSecretRedactor(client: S3Client): Promise<(text: string) => string> {
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials()
  const secrets = [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])]
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), text)
}

export function redactFinding<Said extends { message?: string; advice?: string }>(
  said: Said,
  hide: (text: string) => string,
): Said {
  return {
    ...said,
    ...(said.message === undefined ? {} : { message: hide(said.message) }),
    ...(said.advice === undefined ? {} : { advice: hide(said.advice) }),
  }
}

// Requests are refused only at 15 minutes; links begin and end wrongly long before.
const mostAheadMs = 60_000

export const clockAdvice = 'Set this machine’s clock, and let it be kept right, for example: timedatectl set-ntp true'

/** Compares this machine's clock with the one in S3's answers. */
export const checkClock: ConnectionStep = {
  step: 'clock',
  title: 'Clock agrees with S3’s',
  after: ['credentials'],
  right: '',
  async run({ seen: { clockAheadMs } }) {
    if (clockAheadMs === undefined) return { outcome: 'skipped', message: 'Clock: not compared, since no S3 answered' }
    if (Math.abs(clockAheadMs) <= mostAheadMs) return 'ok'
    return { outcome: 'failed', message: `This machine’s clock is ${describeClock(clockAheadMs)}`, advice: clockAdvice }
  },
}

/** `1 min 5 s behind S3’s`. */
export function describeClock(aheadMs: number): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const time = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`)
  return `${time.join(' ') || '0 s'} ${aheadMs < 0 ? 'behind' : 'ahead of'} S3’s`
}
