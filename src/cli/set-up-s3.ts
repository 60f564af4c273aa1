import type { ConfigWithoutTokens } from '../config.ts'
import type { PartResult } from '../storage/bucket-setup/settle-part.ts'
import { setUpBucket } from '../storage/bucket-setup/set-up-bucket.ts'
import { addressOf } from '../storage/connection-test/explain-s3-failure.ts'
import { requireCredentials } from '../storage/connection-test/credentials.ts'
import type { SetupOptions } from './add-s3.ts'
import { chooseSetup } from './choose-setup.ts'
import { CommandFailed } from './failures.ts'
import type { Printer } from './printer.ts'
import { sayPart, saySetup } from './say-setup.ts'

type Needs = {
  config: ConfigWithoutTokens
  print: Printer
  /** Where the settings' own credentials stand, such as `.env`. */
  credentialsPlace: string
  /** Aborts when somebody tells the command to end. */
  signal: AbortSignal
}

/** `s3 setup`. Throws `CommandFailed`, after saying why, when the bucket is not as it should be in the end. */
export async function setUpS3(
  { config, print, credentialsPlace, signal }: Needs,
  options: SetupOptions,
): Promise<void> {
  const { s3 } = config
  const isDryRun = options.dryRun === true
  const choices = chooseSetup(options, config)
  print.say(`Bucket ${s3.bucket}, region ${s3.region}, at ${addressOf(s3)}`)
  print.say(await requireCredentials(s3, credentialsPlace))

  const parts: PartResult[] = []
  const isComplete = await tellAll(setUpBucket({ config: s3, choices, isDryRun, signal }), signal, (part) => {
    parts.push(part)
    sayPart(print, part)
  })
  const ok = isComplete && parts.every(isGood)
  print.answer({
    ok,
    dry_run: isDryRun,
    complete: isComplete,
    bucket: s3.bucket,
    region: s3.region,
    endpoint: s3.endpoint ?? null,
    parts,
  })
  saySetup(print, { parts, ok, isDryRun, isComplete, config: s3 })
  if (!ok) throw new CommandFailed()
}

/** Whether it came to its end. */
async function tellAll(
  results: AsyncIterable<PartResult>,
  signal: AbortSignal,
  tell: (part: PartResult) => void,
): Promise<boolean> {
  try {
    for await (const part of results) tell(part)
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return !signal.aborted
}

function isGood({ outcome, objections }: PartResult): boolean {
  return outcome !== 'failed' && !objections.some(({ breaks }) => breaks)
}
