import { expect } from 'vitest'

import type { FreshBucket } from '../../support/s3/fresh-bucket.ts'
import { type Answer, makeWorkFolder, runCommand, type Settings } from '../../support/cli/run-command.ts'
import { openStoreInBetween } from '../../support/cli/s3-proxy.ts'

export type SetupReport = {
  ok: boolean
  parts: { part: string; outcome: string; says?: string; advice?: string; changes: { item: string }[] }[]
}

/** Settings of an operator of this bucket in any store. */
export function operatorOf({ name, s3 }: FreshBucket, more: Settings = {}): Settings {
  return {
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION_NAME: s3.region,
    AWS_S3_BUCKET: name,
    AWS_ACCESS_KEY_ID: s3.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.owner.secretAccessKey,
    ...more,
  }
}

export async function setUp(settings: Settings, ...words: string[]): Promise<Answer> {
  return await runCommand(await makeWorkFolder(), ['s3', 'setup', ...words], { settings })
}

/** The JSON output, which must match the exit code. */
export async function setupOf(settings: Settings, ...words: string[]): Promise<SetupReport> {
  const { code, stdout, stderr } = await setUp(settings, '--json', ...words)
  expect(stderr).toBe('')
  const report: SetupReport = JSON.parse(stdout)
  expect(report).toMatchObject({ complete: true, parts: expect.any(Array) })
  expect(code).toBe(report.ok ? 0 : 1)
  return report
}

export function outcomesOf({ parts }: SetupReport): Record<string, string> {
  return Object.fromEntries(parts.map(({ part, outcome }) => [part, outcome]))
}

/** The calls of a command to a bucket, such as `PUT bucket?lifecycle`. */
export async function listenIn(bucket: FreshBucket): Promise<{ settings: Settings; calls: string[] }> {
  const calls: string[] = []
  const endpoint = await openStoreInBetween({
    behind: bucket.s3.endpoint,
    answer: (call) => void calls.push(call),
  })
  return { settings: operatorOf(bucket, { AWS_ENDPOINT_URL_S3: endpoint }), calls }
}

export function changesIn(calls: string[]): string[] {
  return calls.filter((call) => /^(PUT|DELETE) bucket/.test(call))
}
