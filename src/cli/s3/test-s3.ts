import type { ConfigWithoutTokens } from '../../config/load-config.ts'
import type { Outcome, StepName } from '../../storage/connection-test/connection-step.ts'
import { testS3Connection } from '../../storage/connection-test/test-connection.ts'
import { isAmazon } from '../../storage/s3/requests/retrying-s3-client.ts'
import { CommandFailed } from '../printing/explain-failure.ts'
import { describeEndpoint } from '../printing/explain-s3-failure.ts'
import { stoppedIncomplete, type Printer } from '../printing/printer.ts'
import { describeStep } from './describe-test-step.ts'

type Needs = {
  config: ConfigWithoutTokens
  print: Printer
  /** The source of the credentials in the settings, such as `.env`. */
  credentialsPlace: string
  signal: AbortSignal
}

type DescribedStep = { step: StepName; outcome: Outcome; message: string; advice?: string }

const marks: Record<Outcome, [style: 'green' | 'red' | 'yellow' | 'dim', mark: string]> = {
  ok: ['green', '✓'],
  failed: ['red', '✗'],
  note: ['yellow', '!'],
  skipped: ['dim', '–'],
}

/** `s3 test`: prints each step. Throws `CommandFailed` when one failed, or when a signal stopped it before the last. */
export async function testS3({ config, print, credentialsPlace, signal }: Needs): Promise<void> {
  const { s3, corsOrigins } = config
  const checksums = isAmazon(s3) ? 'when_supported' : 'when_required'
  print.text(`Bucket ${s3.bucket}, region ${s3.region}, at ${describeEndpoint(s3)}`)

  const steps: DescribedStep[] = []
  for await (const result of testS3Connection({ config: s3, corsOrigins, signal })) {
    const { step: name, outcome } = result
    const step = { step: name, outcome, ...describeStep(result, { config, credentialsPlace }) }
    steps.push(step)
    printStep(print, step)
  }
  if (steps.length === 0) signal.throwIfAborted()
  const isComplete = !signal.aborted
  const isGood = isComplete && steps.every(({ outcome }) => outcome !== 'failed')
  print.json({
    ok: isGood,
    complete: isComplete,
    bucket: s3.bucket,
    region: s3.region,
    endpoint: s3.endpoint ?? null,
    checksums,
    steps: steps.map(toJson),
  })
  if (isComplete) printEnd(print, config, isGood)
  else print.text(stoppedIncomplete)
  if (!isGood) throw new CommandFailed()
}

function printStep(print: Printer, { outcome, message, advice }: DescribedStep): void {
  const [style, mark] = marks[outcome]
  print.text(`${print.paint(style, mark)} ${message}`)
  if (advice !== undefined) print.text(`  ${advice}`)
}

function printEnd(print: Printer, { s3, useS3 }: ConfigWithoutTokens, isGood: boolean): void {
  print.text(
    isAmazon(s3)
      ? 'Checksums: sent with every upload and verified with every read (Amazon S3)'
      : 'Checksums: only where a call requires one (an S3-compatible store may store them as part of the file)',
  )
  if (!isGood) return print.text(print.paint('red', 'The service cannot store files there yet.'))
  const use = useS3
    ? ''
    : ' USE_S3_STORAGE is false, so new files are stored on the local disk. Set it to true to store them on S3.'
  print.text(`${print.paint('green', 'The service can store files there.')}${use}`)
}

/** The name `says` is part of the command's JSON. */
function toJson({ message, ...step }: DescribedStep) {
  return { ...step, says: message }
}
