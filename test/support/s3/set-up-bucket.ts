import { loadConfig } from '../../../src/config/load-config.ts'
import { setUpBucket } from '../../../src/storage/bucket-setup/set-up-bucket.ts'
import type { FreshBucket } from './fresh-bucket.ts'
import { s3Settings } from './s3-settings.ts'

/** Runs `s3 setup` without options as the owner. Returns the outcome of each part. */
export async function setUpByDefault(bucket: FreshBucket, origins: string[] = []): Promise<Record<string, string>> {
  const { owner: credentials } = bucket.s3
  const config = { ...loadConfig(s3Settings(bucket)).s3, credentials }
  const { signal } = new AbortController()
  const outcomes: Record<string, string> = {}
  for await (const { part, outcome } of setUpBucket({ config, choices: { origins }, isDryRun: false, signal }))
    outcomes[part] = outcome
  return outcomes
}
