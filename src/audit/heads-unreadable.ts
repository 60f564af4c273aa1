import type { Explanation } from '../storage/connection-test/explain-s3-failure.ts'

/** Heads that are kept in a bucket could not be read: why, and what to do. */
export class HeadsUnreadable extends Error {
  override readonly name = 'HeadsUnreadable'
  readonly explanation: Explanation

  constructor(explanation: Explanation, cause: unknown) {
    super(explanation.says, { cause })
    this.explanation = explanation
  }
}
